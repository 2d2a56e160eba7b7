package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// unit is a systemd unit: section, key, values.
// https://www.freedesktop.org/software/systemd/man/latest/systemd.syntax.html
type unit map[string]map[string][]string

func unitOf(t testing.TB, text []byte) unit {
	t.Helper()
	u := make(unit)
	section := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[':
			section = strings.Trim(line, "[]")
			u[section] = make(map[string][]string)
		default:
			key, value, ok := strings.Cut(line, "=")
			if !ok || section == "" || strings.HasSuffix(line, `\`) {
				t.Fatalf("line %q of the unit is no setting of a section on one line", line)
			}
			u[section][key] = append(u[section][key], value)
		}
	}
	return u
}

// only returns the value of a key that must occur once.
func (u unit) only(t testing.TB, section, key string) string {
	t.Helper()
	values := u[section][key]
	if len(values) != 1 {
		t.Fatalf("%s of [%s] is there %d times, want once", key, section, len(values))
	}
	return values[0]
}

// The unit has the settings of a sandboxed service, on any machine.
func TestTheUnitKeepsLegateInASandbox(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "sidecar", "legate.service"))
	if err != nil {
		t.Fatal(err)
	}
	u := unitOf(t, text)
	for key, want := range map[string]string{
		"Type": "notify", "User": "legate", "StateDirectory": "legate", "RuntimeDirectory": "legate", "RuntimeDirectoryMode": "0755", "Restart": "always", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes",
		"PrivateDevices": "yes", "NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "MemoryDenyWriteExecute": "yes",
		"RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX", "IPAddressDeny": "any", "IPAddressAllow": "localhost",
	} {
		if got := u.only(t, "Service", key); got != want {
			t.Errorf("%s=%s, want %s", key, got, want)
		}
	}
	for _, key := range []string{"After", "Wants", "Requires", "Requisite", "BindsTo", "PartOf"} {
		if got := u["Unit"][key]; len(got) > 0 {
			t.Errorf("%s=%v: it waits for somebody, or starts them", key, got)
		}
	}
	if got := u.only(t, "Install", "WantedBy"); got != "multi-user.target" {
		t.Errorf("WantedBy=%s, so that nothing starts it", got)
	}
}

// systemd itself accepts every line of the unit, and rates it as well protected.
func TestSystemdAcceptsTheUnit(t *testing.T) {
	if testing.Short() {
		t.Skip("it needs systemd-analyze")
	}
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("this machine has no systemd-analyze; the unit's text is checked by TestTheUnitKeepsLegateInASandbox")
	}
	x := openExample(t, "sidecar", "/usr/local/bin/legate", program.Path(t))
	unit := filepath.Join(x.dir, "legate.service")
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", unit).CombinedOutput()
	if err != nil || strings.Contains(string(out), "legate.service:") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	// The exposure ranges from 0, none, to 100; units without a sandbox have above 90.
	out, err = exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20", unit).CombinedOutput()
	if strings.Contains(string(out), "unrecognized option") {
		t.Logf("this systemd-analyze is older than 250 and cannot judge the sandbox")
	} else if err != nil {
		t.Errorf("systemd-analyze security: %v\n%s", err, out)
	}
}
