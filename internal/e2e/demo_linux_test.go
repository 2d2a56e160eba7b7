package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// Whichever program of the demo is killed in the middle, the demo ends soon, reports the failure,
// and leaves no process and no file behind.
func TestADemoThatLosesAPartEndsAndLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"consul", "legate", "envoy"} {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			d := startDemo(t)
			if err := syscall.Kill(d.children[part], syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			select {
			case <-d.Done():
			case <-time.After(2 * time.Minute):
				t.Fatal("the demo still runs")
			}
			if d.Err() == nil {
				t.Errorf("exit code 0 of a demo that lost its %s", part)
			}
			d.leftNothing(t)
			left, err := os.ReadDir(d.tmp)
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range left {
				t.Errorf("%s is left", filepath.Join(d.tmp, file.Name()))
			}
		})
	}
}

// When the demo itself is killed, everything it started ends. Its files are removed by the next
// demo.
func TestADemoThatIsKilledTakesItsPartsWithIt(t *testing.T) {
	d := startDemo(t)
	if err := d.Kill(); err != nil {
		t.Fatal(err)
	}
	d.leftNothing(t)

	t.Setenv("TMPDIR", d.tmp)
	next, err := parts.NewFolder()
	if err != nil {
		t.Fatal(err)
	}
	if err := next.Remove(); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(d.tmp, "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

type demo struct {
	*parts.Process
	tmp      string
	children map[string]int // process ids by name
}

// startDemo returns once the story has begun, with all programs running.
func startDemo(t *testing.T) *demo {
	t.Helper()
	bin, cache := t.TempDir(), t.TempDir()
	for name, path := range map[string]string{"consul": partstest.ConsulPath(t), "envoy": partstest.EnvoyPath(t)} {
		if err := os.Symlink(path, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	d := &demo{tmp: t.TempDir()}
	log := filepath.Join(t.TempDir(), "demo.log")
	var err error
	d.Process, err = parts.Start(parts.Command{
		Name: "demo", Path: program.Path(t), Args: []string{"demo"}, Log: log,
		Env: append(parts.OwnEnvironment(), "PATH="+bin, "XDG_CACHE_HOME="+cache, "TMPDIR="+d.tmp),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("what the demo printed:\n%s", parts.LogTail(log, 40))
		}
		if err := d.Kill(); err != nil {
			t.Error(err)
		}
	})
	eventually(t, func() error {
		d.children = childrenOf(d.PID())
		for _, name := range []string{"consul", "legate", "envoy"} {
			if d.children[name] == 0 {
				return fmt.Errorf("the demo runs %v, not yet %s", d.children, name)
			}
		}
		if said := parts.LogTail(log, 100); !strings.Contains(said, "\n 1 ") {
			return fmt.Errorf("the first chapter has not begun:\n%s", said)
		}
		return nil
	})
	return d
}

// leftNothing waits until the kernel has ended what the demo started.
func (d *demo) leftNothing(t *testing.T) {
	t.Helper()
	eventually(t, func() error {
		for name, pid := range d.children {
			if runs(pid) {
				return fmt.Errorf("%s still runs", name)
			}
		}
		return nil
	})
}

// runs is false for a process that has ended, even if it has not been waited for.
func runs(pid int) bool {
	const stateField = 2
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	fields := strings.Fields(string(text))
	return len(fields) > stateField && fields[stateField] != "Z"
}

// childrenOf returns the ids of a process's children by the names of their programs.
func childrenOf(pid int) map[string]int {
	const nameField, parentField = 1, 3 // proc(5), /proc/pid/stat
	children := make(map[string]int)
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil
	}
	for _, file := range stats {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the process has ended meanwhile
		}
		fields := strings.Fields(string(text))
		if len(fields) <= parentField || fields[parentField] != strconv.Itoa(pid) {
			continue
		}
		id, err := strconv.Atoi(fields[0])
		if err == nil {
			children[strings.Trim(fields[nameField], "()")] = id
		}
	}
	return children
}
