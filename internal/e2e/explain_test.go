package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
)

// Times of day, moments and indexes are others each time.
var (
	moments = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
	indexes = regexp.MustCompile(`index \d+`)
)

// What docs/explain.md shows happens here: of three instances one takes traffic, one is critical, and one was registered
// without a port. "legate explain" prints the very lines, except when things happened and where they are.
func TestExplainSaysWhyInstancesTakeNoTraffic(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, []byte("defaults: {connect_timeout: 5s}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.registerAs(t, parts.Instance{ID: "web-1", Service: "web", Address: "10.0.0.7", Port: 80})
	s.registerAs(t, parts.Instance{ID: "web-2", Service: "web", Address: "10.0.0.8", Port: 80})
	s.registerAs(t, parts.Instance{ID: "old-1", Service: "old-web", Address: "10.0.0.9", Port: 80})
	s.legate = startLegate(t, s.consul, "--policy", policy, "--exclude", "old-*")
	s.envoys = append(s.envoys, startEnvoy(t, s.legate, way{name: "edge-1", mode: "delta", cds: true}, "web"))

	explain := func(args ...string) (out, errs string, code int) {
		t.Helper()
		text, err := exec.CommandContext(t.Context(), s.legate.Path, append([]string{"explain", "--admin-addr", s.legate.Admin}, args...)...).Output()
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			errs, code = string(exit.Stderr), exit.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		return string(text), errs, code
	}
	plain := func(out string) []string {
		out = strings.ReplaceAll(indexes.ReplaceAllString(moments.ReplaceAllString(out, "MOMENT"), "INDEX"), policy, "policy.yaml")
		var lines []string
		for _, line := range untimed(out) {
			lines = append(lines, plainly(howLong.ReplaceAllStringFunc(line, column))...)
		}
		return lines
	}
	until := func(want []string, code int, args ...string) {
		t.Helper()
		eventually(t, func() error {
			out, errs, got := explain(args...)
			if lines := plain(out); got != code || !slices.Equal(lines, want) {
				return fmt.Errorf("exit %d, want %d: %s\n%s\nwant\n%s", got, code, errs, out, strings.Join(want, "\n"))
			}
			return nil
		})
	}
	eventually(t, func() error {
		if out, errs, code := explain("web"); code != 0 || !strings.HasPrefix(out, "web: All 2 instances take traffic.\n") {
			return fmt.Errorf("exit %d: %s%s", code, out, errs)
		}
		return nil
	})

	s.setHealth(t, "web-2", api.HealthCritical)
	s.everywhere(t, func(e *envoy) error { return e.hasEndpoint("web", "10.0.0.8:80", "UNHEALTHY", 1) })
	s.registerAs(t, parts.Instance{ID: "web-3", Service: "web", Address: "10.0.0.9"})
	documented := func(command string) []string { return plain(strings.Join(page(t, "explain.md", command), "\n") + "\n") }
	until(documented("$ legate explain web\n"), 3, "web")
	until(documented("$ legate explain web/web-2\n"), 3, "web/web-2")

	for name, want := range map[string]string{
		"wbe":     "Legate sees no service wbe in Consul. Did you mean web? The selection does not hide it.",
		"wb":      "Did you mean web?",
		"old-web": "The selection leaves that name out: --exclude old-*.",
		"web/web": `service web has no instance web: did you mean "web-`,
	} {
		if out, errs, code := explain(name); code != 1 || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, %q, want %q", name, code, errs, want)
		}
	}
	text, err := os.ReadFile("../../docs/explain.md")
	if _, errs, _ := explain("old-web"); err != nil || !strings.Contains(string(text), "```\n"+strings.ReplaceAll(errs, s.legate.Admin, "127.0.0.1:18001")+"```") {
		t.Errorf("docs/explain.md does not show %q: %v", errs, err)
	}
}
