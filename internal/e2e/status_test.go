package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"legate/internal/parts"
)

// strict is an Envoy that rejects deprecated fields, which others accept.
func strict(b object, _ *legate) {
	layers := []any{}
	runtime, has := b["layered_runtime"].(object)
	if has {
		layers = runtime["layers"].([]any)
	}
	b["layered_runtime"] = object{"layers": append(layers, object{
		"name": "strict", "static_layer": object{"envoy.features.fail_on_any_deprecated_feature": true},
	})}
}

// What docs/status.md shows happens here: of three Envoys one follows, one stands still, and one rejects what the
// others accept. "legate status" prints the very lines, except how long things took and where they are.
func TestStatusShowsWhoFollowsWhoStandsStillAndWhoRejects(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	s.register(t, "web", "web-1", 1)
	s.register(t, "db", "db-1", 1)
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(policy, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("defaults: {connect_timeout: 5s}\n")
	s.legate = startLegate(t, s.consul, "--policy", policy)
	for name, edit := range map[string]func(object, *legate){"edge-1": nil, "edge-2": nil, "edge-3": strict} {
		e := startEnvoy(t, s.legate, way{name: name, mode: "delta", edit: edit, cds: true}, "web", "db")
		s.envoys = append(s.envoys, e)
		if name == "edge-2" {
			defer func() { _ = e.Continue() }() // so that it ends
		}
	}
	status := func(args ...string) (out string, code int) {
		t.Helper()
		text, err := exec.CommandContext(t.Context(), s.legate.Path, append([]string{"status", "--admin-addr", s.legate.Admin}, args...)...).Output()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if exit != nil && len(exit.Stderr) > 0 {
			t.Fatalf("legate status %v: exit %d: %s", args, exit.ExitCode(), exit.Stderr)
		}
		if exit != nil {
			code = exit.ExitCode()
		}
		return string(text), code
	}
	until := func(args []string, code int, want ...string) (out string) {
		t.Helper()
		eventually(t, func() error {
			var got int
			out, got = status(args...)
			for _, line := range want {
				if got != code || !slices.Contains(plainly(out), line) {
					return fmt.Errorf("exit %d, want %d with %q:\n%s", got, code, line, out)
				}
			}
			return nil
		})
		return out
	}
	until(nil, 0, "3 nodes; of their types 6 SYNCED")

	// A field that is deprecated is right for most Envoys.
	write("defaults: {connect_timeout: 5s}\nservices:\n- match: {names: [web]}\n  envoy: {track_timeout_budgets: true}\n")
	until(nil, 3, "edge-3 clusters NACKED SPAN 0")

	// An Envoy that stands still is not connected any more after a while. If the machine is so slow that this happens
	// first, it comes back, and stands still again.
	frozen := s.envoys[slices.IndexFunc(s.envoys, func(e *envoy) bool { return e.way.name == "edge-2" })]
	var out string
	for n := 2; ; n++ {
		until([]string{"edge-2"}, 0, "1 node; of their types 2 SYNCED")
		if err := frozen.Pause(); err != nil {
			t.Fatal(err)
		}
		awaitStopped(t, frozen.PID())
		s.register(t, "db", fmt.Sprint("db-", n), 1)
		stands := false
		eventually(t, func() error {
			var code int
			out, code = status("--stale-after", "0s")
			stands = code == 3 && slices.Contains(plainly(out), "3 nodes; of their types 1 NACKED, 1 STALE, 4 SYNCED")
			if stands && slices.Contains(plainly(out), "edge-2 endpoints STALE SPAN 1") || strings.Contains(out, "2 nodes") {
				return nil
			}
			return errors.New(out)
		})
		if stands {
			break
		}
		if err := frozen.Continue(); err != nil {
			t.Fatal(err)
		}
	}
	t.Log(out)
	above, below, _ := strings.Cut(strings.Join(plainly(out), " "), " 3 nodes;")
	documented := strings.Join(plainly(strings.Join(page(t, "status.md", "$ legate status\n"), "\n")+"\n"), " ")
	for _, label := range []string{"ready yes,", " consul ", " held ", " last known ", " rollout ", " to look at "} {
		if !strings.Contains(above, label) || !strings.Contains(documented, label) { // what they say depends on the machine, too
			t.Errorf("it says %q, and docs/status.md shows %q", above, documented)
		}
	}
	if _, shown, _ := strings.Cut(documented, " 3 nodes;"); shown != below {
		t.Errorf("it prints\n%s\nand docs/status.md shows\n%s", below, shown)
	}

	if is, shown := clientStatus(t, s.legate, "edge-3"), documentedStatus(t); !reflect.DeepEqual(is, shown) {
		t.Errorf("a tool that asks is told\n%v\nand docs/csds.md shows\n%v", is, shown)
	}

	if err := frozen.Continue(); err != nil {
		t.Fatal(err)
	}
	write("defaults: {connect_timeout: 5s}\n")
	until([]string{"edge-*"}, 0, "3 nodes; of their types 6 SYNCED")
}

// awaitStopped waits until a process that was told to stand still does (man 5 proc_pid_stat).
func awaitStopped(t testing.TB, pid int) {
	t.Helper()
	eventually(t, func() error {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if errors.Is(err, os.ErrNotExist) {
			time.Sleep(time.Second) // another system
			return nil
		}
		if err == nil && !strings.Contains(string(text), ") T ") {
			err = fmt.Errorf("it runs: %s", text)
		}
		return err
	})
}

var (
	spans   = regexp.MustCompile(`\b(\d+ (ms|s|min|h|d)( \d+ (s|min|h))?)\b`)
	ports   = regexp.MustCompile(`127\.0\.0\.1:\d+`)
	streams = regexp.MustCompile(`delta-\d+`)
	blanks  = regexp.MustCompile(`  +`)
)

// plainly are the lines of a status without what differs from run to run.
func plainly(out string) (lines []string) {
	out = spans.ReplaceAllString(out, "SPAN")
	out = ports.ReplaceAllString(out, "ADDRESS")
	out = streams.ReplaceAllString(out, "STREAM")
	for line := range strings.Lines(out) {
		if line = strings.TrimSpace(blanks.ReplaceAllString(line, " ")); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}
