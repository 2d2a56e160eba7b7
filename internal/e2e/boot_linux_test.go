package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"legate/discovery/catalog"
	"legate/internal/lastknown"
	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// A machine boots while Consul is away: its agent, started by HashiCorp's own unit, finds no
// server. Legate, started by the unit of the example, does not wait for it and serves the last
// known catalog. It does not start a Consul that somebody stopped. A file with a mistake fails the
// reload.
func TestTheUnitUnderARealSystemd(t *testing.T) {
	t.Parallel()
	s := newSystemd(t)
	admin := freePorts(t, 3)
	etc := filepath.Join(s.dir, "etc")
	if err := os.Mkdir(etc, 0o700); err != nil {
		t.Fatal(err)
	}
	x := openExample(t, "sidecar", "/etc/legate", etc, "/run/legate", filepath.Join(s.dir, "run", "legate"), "/usr/local/bin/legate", program.Path(t),
		"8501", strconv.Itoa(admin[0]), "18000", strconv.Itoa(admin[1]), "18001", strconv.Itoa(admin[2]))
	s.prepareLegate(x, etc)
	s.prepareConsul()
	s.write("boot.target", "[Unit]\nDefaultDependencies=no\nWants=consul.service legate.service\n")
	s.must("daemon-reload")

	began := time.Now()
	s.must("start", "--no-block", "boot.target")
	eventually(t, func() error {
		if got := s.state("legate.service"); got != "active" {
			return fmt.Errorf("legate is %s, consul is %s", got, s.state("consul.service"))
		}
		return nil
	})
	t.Logf("ready %v after the boot", took(began))
	if got := s.state("consul.service"); got != "activating" {
		t.Errorf("consul is %s: this shows nothing", got)
	}
	s.awaits("legate.service", "ready, stale: serving the last known catalog", true)

	s.must("stop", "consul.service")
	s.must("restart", "legate.service")
	if got := s.state("consul.service"); got == "active" || got == "activating" {
		t.Errorf("consul was stopped on purpose, and is %s", got)
	}

	config := filepath.Join(etc, "legate.yaml")
	good, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	s.must("reload", "legate.service")
	replaceFile(t, config, string(good)+"services: {inlcude: a}\n")
	if said, err := s.ctl("reload", "legate.service"); err == nil {
		t.Errorf("a file with a mistake is reloaded: %s", said)
	}
	s.awaits("legate.service", `did you mean "include"`, true)
	if got := s.state("legate.service"); got != "active" {
		t.Errorf("after that it is %s", got)
	}
	replaceFile(t, config, string(good)+"services: {include: a}\n")
	s.must("reload", "legate.service")
	s.awaits("legate.service", "rejected", false)
	if log := parts.LogTail(filepath.Join(s.dir, "log"), 100); !strings.Contains(log, `did you mean "include"`) {
		t.Errorf("the log of the reload names no mistake:\n%s", log)
	}
}

// prepareLegate writes the content of /etc/legate, the last known catalog, and the unit.
func (s *systemd) prepareLegate(x *example, etc string) {
	s.t.Helper()
	certs, err := parts.NewCerts(s.dir)
	if err != nil {
		s.t.Fatal(err)
	}
	copyFile(s.t, certs.CAFile, filepath.Join(etc, "consul-ca.pem"))
	replaceFile(s.t, filepath.Join(etc, "consul-token"), "a-token")
	replaceFile(s.t, filepath.Join(etc, "legate.yaml"), string(x.file("legate.yaml"))+fmt.Sprintf("state: {dir: %s}\n", s.dir))
	var known strings.Builder
	key := catalog.ServiceKey{Datacenter: "dc1", Name: "shop"}
	h := lastknown.Header{Scope: lastknown.Scope{Datacenter: "dc1"}, Believed: time.Now()}
	if err := lastknown.Encode(&known, h, catalog.Of(catalog.Service{Key: key})); err != nil {
		s.t.Fatal(err)
	}
	replaceFile(s.t, filepath.Join(s.dir, "last-known-catalog"), known.String())
	s.writeOnly("legate.service", string(x.file("legate.service")),
		"Type", "TimeoutStartSec", "ExecStart", "ExecReload", "RuntimeDirectory", "RuntimeDirectoryMode", "WatchdogSec", "TimeoutStopSec", "Restart", "RestartSec")
}

// prepareConsul writes HashiCorp's unit, and a configuration whose servers are away.
func (s *systemd) prepareConsul() {
	s.t.Helper()
	download := exec.CommandContext(s.t.Context(), "go", "mod", "download", "-json", "github.com/hashicorp/consul")
	download.Dir = filepath.Join("..", "..", "tools", "consul")
	out, err := download.Output()
	var module struct{ Dir string }
	if err == nil {
		err = json.Unmarshal(out, &module)
	}
	if err != nil {
		s.t.Fatalf("consul's sources, in which its unit is: %v\n%s", err, out)
	}
	unit, err := os.ReadFile(filepath.Join(module.Dir, ".release", "linux", "package", "usr", "lib", "systemd", "system", "consul.service"))
	if err != nil {
		s.t.Fatal(err)
	}
	dir := filepath.Join(s.dir, "consul.d")
	ports := freePorts(s.t, 3)
	replaceFile(s.t, filepath.Join(mkdir(s.t, dir), "consul.hcl"), fmt.Sprintf(`
data_dir = %q
bind_addr = "127.0.0.1"
disable_update_check = true
retry_join = ["127.0.0.1:%d"]
ports { http = -1, grpc = -1, dns = -1, serf_wan = -1, serf_lan = %d, server = %d }
`, filepath.Join(s.dir, "consul"), ports[0], ports[1], ports[2]))
	text := strings.NewReplacer("/etc/consul.d/", dir+"/", "/usr/bin/consul", partstest.ConsulPath(s.t)).Replace(string(unit))
	s.writeOnly("consul.service", text, "Type", "ExecStart", "ExecReload", "KillMode", "KillSignal", "Restart")
}

func mkdir(t testing.TB, dir string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}
