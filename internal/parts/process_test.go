//go:build unix

package parts

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func shell(t *testing.T, script string) *Process {
	t.Helper()
	p, err := Start(Command{Name: "shell", Path: "/bin/sh", Args: []string{"-c", script}, Log: filepath.Join(t.TempDir(), "log")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestAProcessThatDoesNotEndByItselfIsKilled(t *testing.T) {
	p := shell(t, "trap '' TERM; echo deaf; while :; do sleep 0.05; done")
	for LogTail(p.Log(), 1) != "deaf" {
		time.Sleep(5 * time.Millisecond)
	}
	began := time.Now()
	err := p.Stop(100 * time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("stop: %v", err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("stop took %v", took)
	}
}

func TestAFrozenProcessCanBeStopped(t *testing.T) {
	p := shell(t, "exec sleep 60")
	if err := p.Pause(); err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(5 * time.Second); err != nil {
		t.Error(err)
	}
}

func TestStoppingWhatHasEndedIsNoError(t *testing.T) {
	p := shell(t, "exit 3")
	if err := p.Err(); err == nil || err.Error() != "exit status 3" {
		t.Errorf("it ended with %v", err)
	}
	for name, end := range map[string]func() error{"kill": p.Kill, "stop": func() error { return p.Stop(time.Second) }} {
		if err := end(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// startChild is the helper process of TestAKilledParentLeavesNothing.
func startChild() {
	folder, err := NewFolder()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("folder", folder.Path)
	p, err := Start(Command{Name: "child", Path: "/bin/sleep", Args: []string{"60"}, Log: filepath.Join(folder.Path, "log")})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("child", p.PID())
	select {}
}

func TestAKilledParentLeavesNothing(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux kills a child with its parent")
	}
	t.Setenv("TMPDIR", t.TempDir())
	helper := asHelper(t, "startChild")
	folder := helper.expect("folder")
	pid, err := strconv.Atoi(helper.expect("child"))
	if err != nil {
		t.Fatal(err)
	}
	mine := newFolder(t)
	if !exists(folder) {
		t.Fatal("a folder was removed while its owner lived")
	}
	helper.kill()

	deadline := time.Now().Add(5 * time.Second)
	for syscall.Kill(pid, 0) == nil && !isZombie(pid) {
		if time.Now().After(deadline) {
			t.Fatalf("the child %d outlived its parent", pid)
		}
		time.Sleep(5 * time.Millisecond)
	}
	newFolder(t)
	if exists(folder) {
		t.Error("the folder outlived its owner")
	}
	if !exists(mine.Path) {
		t.Error("a folder of a living process is gone")
	}
}

func newFolder(t *testing.T) *Folder {
	t.Helper()
	f, err := NewFolder()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Remove(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// isZombie reports whether the process has ended but has not been waited for, as in a container
// without an init process.
func isZombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(stat), ") Z ")
}

func TestACancelledStartLeavesItsLogAndSaysWhere(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	program := filepath.Join(t.TempDir(), "consul")
	script := "#!/bin/sh\necho no agent today\nexec sleep 60\n"
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := StartConsul(ctx, ConsulOptions{Path: program})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no agent today") {
		t.Fatalf("error %v", err)
	}
	cache, cacheErr := cacheFolder()
	if cacheErr != nil {
		t.Fatal(cacheErr)
	}
	logs, globErr := filepath.Glob(filepath.Join(cache, "logs", "*-consul.log"))
	if globErr != nil || len(logs) != 1 || !strings.Contains(err.Error(), logs[0]) {
		t.Errorf("logs %v; error %v", logs, err)
	}
}
