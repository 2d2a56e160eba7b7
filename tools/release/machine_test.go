package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// machine is a folder that a copy of this machine has, and the copy runs a script of it.
type machine string

// aMachine returns one with the scripts of testdata. It needs root on a Linux with dpkg.
func aMachine(t testing.TB) machine {
	t.Helper()
	missing := ""
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		missing = "root on Linux"
	} else {
		for _, program := range []string{"dpkg", "unshare", "setpriv", "ip", "curl", "systemctl", "systemd-analyze"} {
			if _, err := exec.LookPath(program); err != nil {
				missing = program
			}
		}
	}
	if missing != "" {
		if os.Getenv("CI") == "true" {
			t.Fatalf("CI has no %s", missing)
		}
		t.Skipf("packages are only installed with %s", missing)
	}
	m := machine(t.TempDir())
	if err := os.CopyFS(string(m), os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m machine) add(t testing.TB, file, name string) {
	t.Helper()
	if err := copyFile(file, filepath.Join(string(m), name)); err != nil {
		t.Fatal(err)
	}
}

func (m machine) write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(string(m), name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// run runs a script. It returns what it printed.
func (m machine) run(t testing.TB, script string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), filepath.Join(string(m), "machine.sh"), string(m), script).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

// versionOf is what the program of a platform says of itself.
func versionOf(t testing.TB, b build, platform string) string {
	t.Helper()
	for _, one := range programs(t, b) {
		if one.platform == platform {
			return one.info.Main.Version
		}
	}
	t.Fatalf("there is no program for %s", platform)
	return ""
}

// The package is installed, started, upgraded, removed and purged by the real dpkg, with the real program. Its
// service is started by a stand-in for systemctl, since no systemd runs here.
func TestTheLifeOfThePackageOfDebian(t *testing.T) {
	m := aMachine(t)
	for name, b := range map[string]build{"old": aSnapshot(t), "new": aRelease(t)} {
		m.add(t, b.one(t, "*_"+runtime.GOARCH+".deb"), name+".deb")
		m.write(t, name+".version", versionOf(t, b, "linux_"+runtime.GOARCH))
	}
	if out := m.run(t, "life.sh"); !strings.Contains(out, "all is as it should be") {
		t.Errorf("it ended early:\n%s", out)
	}
}
