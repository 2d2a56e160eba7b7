package e2e_test

import (
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"legate/internal/parts"
)

// whenBelieved is when a hold ends, which is another time each time.
var whenBelieved = regexp.MustCompile(`believed in [^)]*\)`)

// What docs/verify.md shows happens here: one Envoy is cut off from Legate while Consul changes, and Legate holds a loss.
// "legate verify" prints the very lines, and nothing while all agree.
func TestVerifySaysWhoIsWrong(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	s.registerAs(t, parts.Instance{ID: "api-1", Service: "api", Address: "10.0.0.4", Port: 80})
	s.registerAs(t, parts.Instance{ID: "web-1", Service: "web", Address: "10.0.0.7", Port: 80, Weight: 1})
	s.registerAs(t, parts.Instance{ID: "web-2", Service: "web", Address: "10.0.0.9", Port: 80})
	s.legate = startLegate(t, s.consul, "--guard-confirm", "10m", "--guard-empty", "10m")
	wire := newCrossing(t, s.legate.XDS)
	cut := startEnvoyAt(t, "delta", "web", "--node-id", "edge-1", "--xds-address", wire.addr)
	well := startEnvoyAt(t, "sotw", "web", "--node-id", "edge-2", "--xds-address", s.legate.XDS)

	verify := func(args ...string) (string, int) {
		t.Helper()
		args = append([]string{"verify", "--consul-addr", s.consul.Addr, "--admin-addr", s.legate.Admin, "--settle", "100ms"}, args...)
		out, err := exec.CommandContext(t.Context(), s.legate.Path, args...).Output()
		var exit *exec.ExitError
		switch {
		case errors.As(err, &exit) && exit.ExitCode() == 4:
			return string(out), 4
		case errors.As(err, &exit):
			t.Fatalf("legate %v: exit %d: %s", args, exit.ExitCode(), exit.Stderr)
		case err != nil:
			t.Fatal(err)
		}
		return string(out), 0
	}
	until := func(code int, want []string, args ...string) {
		t.Helper()
		eventually(t, func() error {
			out, got := verify(args...)
			lines := untimed(whenBelieved.ReplaceAllString(out, "believed later)"))
			if got != code || !slices.Equal(lines, want) {
				return fmt.Errorf("exit %d:\n%s\nwant %d:\n%s", got, strings.Join(lines, "\n"), code, strings.Join(want, "\n"))
			}
			return nil
		})
	}
	const leftOut = "not compared: what Envoy decides itself, such as outliers that it ejects and active health checks"
	everyone := []string{"--consul", "--envoy", cut.AdminAddr, "--envoy", well.AdminAddr}
	until(0, []string{"equal: Consul, Legate and 2 Envoys, 2 services", leftOut}, everyone...)

	wire.redirect("")
	s.deregister(t, "web-2")
	s.registerAs(t, parts.Instance{ID: "web-3", Service: "web", Address: "10.0.0.8", Port: 80})
	s.registerAs(t, parts.Instance{ID: "web-1", Service: "web", Address: "10.0.0.7", Port: 80, Weight: 3})
	until(0, []string{"equal: Legate and 1 Envoy, 2 services", leftOut}, "--envoy", well.AdminAddr)
	until(0, []string{"equal: Consul and Legate, 2 services"}, "--consul")

	s.deregister(t, "api-1")
	shown := page(t, "verify.md", "$ legate verify --consul --envoy 127.0.0.1:9901 --envoy 127.0.0.1:9902\n")
	for i := range shown {
		shown[i] = whenBelieved.ReplaceAllString(shown[i], "believed later)")
	}
	until(4, shown, everyone...)

	wire.redirect(s.legate.XDS)
	until(0, []string{"equal: Legate and 2 Envoys, 2 services", leftOut}, "--envoy", cut.AdminAddr, "--envoy", well.AdminAddr)
}

// isNoDifference waits until "legate verify" says that the Envoy sends nothing to an endpoint of the service, and why, and
// names no difference of that service.
func (s *stage) isNoDifference(t *testing.T, e *envoy, service, why string) {
	t.Helper()
	eventually(t, func() error {
		out, err := exec.CommandContext(t.Context(), s.legate.Path, "verify", "--admin-addr", s.legate.Admin, "--envoy", e.AdminAddr, "--settle", "100ms").Output()
		var exit *exec.ExitError
		if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 4) { // others on this stage may be under way
			return err
		}
		said := false
		for line := range strings.Lines(string(out)) {
			switch {
			case strings.Contains(line, "sends nothing to "+service+" ") && strings.Contains(line, why+"; that is for it to decide, and no difference"):
				said = true
			case strings.Contains(line, " "+service+" "):
				return fmt.Errorf("verify names a difference of %s: %s", service, line)
			}
		}
		if !said {
			return fmt.Errorf("verify does not say of %s that %s:\n%s", service, why, out)
		}
		return nil
	})
}
