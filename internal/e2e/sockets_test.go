package e2e_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// An Envoy on the same machine is served over a unix socket, in each protocol, and so is the admin
// interface. The modes of the sockets say who may open them.
func TestEnvoysAreServedOverUnixSockets(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	s.register(t, "web", "web-1", 1)
	dir := filepath.Dir(socketPath(t, "xds"))
	xds, rest, admin := filepath.Join(dir, "xds"), filepath.Join(dir, "rest"), filepath.Join(dir, "admin")
	l := startLegate(t, s.consul, "--xds-listen", "unix://"+xds, "--rest-listen", "unix://"+rest, "--xds-socket-mode", "0666",
		"--admin-socket", admin)
	for path, mode := range map[string]os.FileMode{xds: 0o666, rest: 0o666, admin: 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v %v, want mode %o", path, info, err, mode)
		}
	}
	var envoys []*envoy
	for mode, at := range map[string]string{"delta": xds, "sotw": xds, "rest": rest} {
		envoys = append(envoys, startEnvoyAt(t, mode, "web", "--xds-address", "unix://"+at))
	}
	for _, e := range envoys {
		eventually(t, func() error { return e.answers("web", "web-1") })
	}
	s.register(t, "web", "web-2", 1)
	for _, e := range envoys {
		eventually(t, func() error { return e.answers("web", "web-1", "web-2") })
	}
	text, err := l.get("/api/v1/status")
	if n := strings.Count(string(text), `"peer": "unix socket"`); err != nil || n != 2 {
		t.Errorf("the status has %d streams over a unix socket, want 2: %v", n, err)
	}
	release := exec.CommandContext(t.Context(), program.Path(t), "holds", "release", "--all", "--admin-addr", "unix://"+admin)
	release.Env = parts.OwnEnvironment()
	if out, err := release.CombinedOutput(); err != nil || !strings.Contains(string(out), "released: 0 holds") {
		t.Errorf("holds release: %v: %s", err, out)
	}
	l.stop(t)
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// Requests for a service called legate reach that service, and not Legate.
func TestAServiceCalledLegateIsServed(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	s.register(t, "legate", "legate-1", 1)
	l := startLegate(t, s.consul)
	for _, mode := range []string{"delta", "sotw", "rest"} {
		at := l.XDS
		if mode == "rest" {
			at = l.rest
		}
		e := startEnvoyAt(t, mode, "legate", "--xds-address", at)
		eventually(t, func() error { return e.answers("legate", "legate-1") })
	}
	s.register(t, "_legate", "other-1", 1)
	eventually(t, func() error {
		for _, p := range l.status(t).Problems {
			if strings.HasPrefix(p.Service, "_legate") && p.Reason == "name" {
				return nil
			}
		}
		return errors.New("the name of Legate's own cluster is no problem")
	})
}

// With two Legates, an Envoy uses one, and the other one when that is away.
func TestAnEnvoyGoesToTheOtherLegate(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	s.register(t, "web", "web-1", 1)
	one, two := startLegate(t, s.consul), startLegate(t, s.consul)
	e := startEnvoyAt(t, "delta", "web", "--xds-address", one.XDS, "--xds-address", two.XDS)
	eventually(t, func() error { return e.answers("web", "web-1") })
	for round, l := range []*legate{one, two} {
		other := one
		if round == 0 {
			other = two
		}
		l.stop(t)
		instance := []string{"web-2", "web-3"}[round]
		s.register(t, "web", instance, 1)
		eventually(t, func() error {
			found, err := e.count("web", 10)
			if err == nil && found[instance] == 0 {
				err = errors.New("it does not follow " + other.XDS)
			}
			return err
		})
		l.launch(t)
		l.awaitReady(t)
	}
}

// startEnvoyAt starts an Envoy with the output of "legate bootstrap envoy" for these arguments, and
// a listener for the service.
func startEnvoyAt(t testing.TB, mode, service string, args ...string) *envoy {
	t.Helper()
	e := &envoy{way: way{name: mode}, ports: map[string]int{service: freePorts(t, 1)[0]}, client: newClient(t)}
	args = append([]string{"bootstrap", "envoy", "--mode", mode, "--node-id", mode, "--route", parts.Loopback(e.ports[service]) + "=" + service}, args...)
	e.Envoy = partstest.Envoy(t, parts.EnvoyOptions{Bootstrap: program.Output(t, args...)})
	return e
}
