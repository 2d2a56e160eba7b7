package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"legate/internal/parts"
)

// systemd is a real systemd that sees the units of one folder and nothing else of this machine. It
// is a user's manager, which changes nothing on the machine by itself, and runs in namespaces of
// its own.
type systemd struct {
	t     testing.TB
	dir   string // its home; units/ are its units, run/ is its runtime directory
	child string // the process in whose namespaces it lives
}

// inside runs in the namespaces. systemd requires /run/systemd/system, and a cgroup in which it can
// create others.
const inside = `set -e
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system
export XDG_RUNTIME_DIR="$1/run" XDG_CONFIG_HOME="$1" XDG_STATE_HOME="$1" HOME="$1"
export SYSTEMD_UNIT_PATH="$1/units" SYSTEMD_GENERATOR_PATH="$1/none" SYSTEMD_ENVIRONMENT_GENERATOR_PATH="$1/none"
"$2" --user --unit=start.target --log-target=console &
wait
`

// newSystemd starts a systemd that has started no units yet.
func newSystemd(t testing.TB) *systemd {
	t.Helper()
	if testing.Short() {
		t.Skip("it needs systemd")
	}
	var path string
	for _, at := range []string{"/usr/lib/systemd/systemd", "/lib/systemd/systemd"} {
		if _, err := os.Stat(at); err == nil {
			path = at
		}
	}
	for _, tool := range []string{"unshare", "nsenter", "systemctl"} {
		if _, err := exec.LookPath(tool); err != nil || path == "" {
			t.Skipf("this machine has no systemd or no %s", tool)
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can have a systemd in namespaces")
	}
	s := &systemd{t: t, dir: filepath.Dir(socketPath(t, "s"))}
	for _, dir := range []string{"units", "run"} {
		if err := os.Mkdir(filepath.Join(s.dir, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, target := range []string{"start", "basic", "shutdown", "network-online"} {
		s.write(target+".target", "[Unit]\nDefaultDependencies=no\n")
	}
	cgroup := ownCgroup(t)
	p, err := parts.Start(parts.Command{
		Name: "systemd", Path: "/bin/sh", Log: filepath.Join(s.dir, "log"),
		Args: []string{"-c", `echo $$ > "$1/cgroup.procs" && exec unshare --mount --pid --fork --kill-child sh -c "$2" sh "$3" "$4"`, "sh", cgroup, inside, s.dir, path},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("end of systemd's log:\n%s", parts.LogTail(p.Log(), 40))
		}
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
	})
	eventually(t, func() error {
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", p.PID()))
		if s.child = strings.TrimSpace(string(children)); err != nil || s.child == "" {
			return fmt.Errorf("systemd has not begun: %w", err)
		}
		_, err = s.ctl("is-active", "start.target")
		return err
	})
	return s
}

// ownCgroup makes a cgroup for the processes of this test.
func ownCgroup(t testing.TB) string {
	t.Helper()
	root := "/sys/fs/cgroup/systemd" // cgroup v1
	if _, err := os.Stat(root); err != nil {
		root = "/sys/fs/cgroup"
	}
	dir, err := os.MkdirTemp(root, "legate-")
	if err != nil {
		t.Skipf("this machine lets nobody make cgroups: %v", err)
	}
	t.Cleanup(func() {
		eventually(t, func() error { return removeCgroups(dir) }) // as soon as the last process has ended
	})
	return dir
}

// removeCgroups removes a tree of cgroups. Their files cannot be removed separately.
func removeCgroups(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeCgroups(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return os.Remove(dir)
}

// write writes a unit.
func (s *systemd) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, "units", name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// ctl runs systemctl and returns its output. A failing exit code is an error.
func (s *systemd) ctl(args ...string) (string, error) {
	cmd := exec.Command("nsenter", append([]string{"--target", s.child, "--mount", "--pid", "systemctl", "--user", "--no-pager"}, args...)...)
	cmd.Env = append(parts.OwnEnvironment(), "XDG_RUNTIME_DIR="+filepath.Join(s.dir, "run"))
	out, err := cmd.CombinedOutput()
	said := strings.TrimSpace(string(out))
	if err != nil {
		err = fmt.Errorf("systemctl %s: %w: %s", strings.Join(args, " "), err, said)
	}
	return said, err
}

// must is ctl for commands that must succeed.
func (s *systemd) must(args ...string) {
	s.t.Helper()
	if _, err := s.ctl(args...); err != nil {
		s.t.Fatal(err)
	}
}

// state returns the state of a unit: active, activating, inactive, ...
func (s *systemd) state(unit string) string {
	said, _ := s.ctl("is-active", unit) // its exit code says the same
	return said
}

// awaits waits until a unit's status has the words, or has not.
func (s *systemd) awaits(unit, words string, said bool) {
	s.t.Helper()
	eventually(s.t, func() error {
		text, err := s.ctl("show", "--property=StatusText", unit)
		if err == nil && strings.Contains(text, words) != said {
			err = fmt.Errorf("%s says %q", unit, text)
		}
		return err
	})
}

// writeOnly writes the parts of a unit that a user's manager supports: no other users, no sandbox.
// The output of the service goes to the log.
func (s *systemd) writeOnly(name, text string, keys ...string) {
	s.t.Helper()
	u := unitOf(s.t, []byte(text))
	var out strings.Builder
	out.WriteString("[Unit]\n")
	for key, values := range u["Unit"] {
		for _, v := range values {
			fmt.Fprintf(&out, "%s=%s\n", key, v)
		}
	}
	out.WriteString("[Service]\n")
	for _, key := range keys {
		for _, v := range u["Service"][key] {
			fmt.Fprintf(&out, "%s=%s\n", key, v)
		}
	}
	for _, stream := range []string{"Output", "Error"} {
		fmt.Fprintf(&out, "Standard%s=append:%s\n", stream, filepath.Join(s.dir, "log"))
	}
	s.write(name, out.String())
}

// took returns how long something took, for the log of a test.
func took(since time.Time) time.Duration { return time.Since(since).Round(100 * time.Millisecond) }
