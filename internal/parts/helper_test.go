//go:build unix

package parts

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// asked is the environment variable that makes the test binary run a helper in a process of its
// own.
const asked = "LEGATE_PARTS_HELPER"

func TestMain(m *testing.M) {
	switch os.Getenv(asked) {
	case "":
		os.Exit(m.Run())
	case "startChild":
		startChild()
	}
}

// helper is the test binary in a process of its own.
type helper struct {
	t    *testing.T
	cmd  *exec.Cmd
	says *bufio.Scanner
}

func asHelper(t *testing.T, what string) *helper {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), asked+"="+what)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h := &helper{t: t, cmd: cmd, says: bufio.NewScanner(out)}
	t.Cleanup(h.kill)
	return h
}

// expect reads the next line, which must begin with the word, and returns its rest.
func (h *helper) expect(word string) string {
	h.t.Helper()
	if !h.says.Scan() {
		h.t.Fatalf("the helper said nothing more: %v", h.says.Err())
	}
	rest, ok := strings.CutPrefix(h.says.Text(), word)
	if !ok {
		h.t.Fatalf("the helper said %q, want %q", h.says.Text(), word)
	}
	return strings.TrimSpace(rest)
}

// kill kills the helper with SIGKILL.
func (h *helper) kill() {
	if h.cmd.ProcessState == nil {
		_ = h.cmd.Process.Kill() // it may have ended by itself
		_ = h.cmd.Wait()         // it was killed
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
