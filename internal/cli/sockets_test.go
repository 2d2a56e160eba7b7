package cli

import (
	"os"
	"path/filepath"
	"testing"
)

// Each listener can be a unix socket. It has the configured mode, and is removed at the end.
func TestEachListenerCanBeASocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "lg-") // socket paths must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	at := func(name string) string { return "unix://" + filepath.Join(dir, name) }
	r := serve(t, "--consul-addr", closedPort(t), "--state-dir", filepath.Join(dir, "state"),
		"--xds-listen", at("xds"), "--rest-listen", at("rest"), "--admin-listen", at("admin"), "--metrics-listen", at("metrics"), "--admin-socket-mode", "0640")
	for name, mode := range map[string]os.FileMode{"xds": 0o660, "rest": 0o660, "admin": 0o640, "metrics": 0o640} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v %v, want mode %o", name, info, err, mode)
		}
	}
	if r.xds != at("xds") || r.rest != at("rest") || r.admin != at("admin") {
		t.Errorf("the log says xds %s, rest %s, admin %s", r.xds, r.rest, r.admin)
	}
	if said := legate(t, nil, "holds", "release", "--all", "--admin-addr", at("admin")); said.code != 0 || said.out != "released: 0 holds\n" {
		t.Errorf("over the socket: exit %d: %s%s", said.code, said.out, said.err)
	}
	if code := r.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, name := range []string{"xds", "rest", "admin", "metrics"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !os.IsNotExist(err) {
			t.Errorf("%s is left behind: %v", name, err)
		}
	}
}
