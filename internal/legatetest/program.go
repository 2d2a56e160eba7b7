package legatetest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// build builds Legate once for all tests of a run, as a release is built.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "legate-program-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "legate")
	out, err := exec.Command("go", "build", "-trimpath", "-o", path, "legate").CombinedOutput()
	if err != nil {
		return "", errors.Join(fmt.Errorf("build legate: %w\n%s", err, out), os.RemoveAll(dir))
	}
	return path, nil
})

// Program is the path of Legate's program. Remove removes it.
func Program(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Remove removes what Program built. It is for TestMain, after all tests.
func Remove() {
	if path, err := build(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
}

// Run runs a command of the program to its end and returns what it prints.
func Run(t testing.TB, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), Program(t), args...)
	cmd.Env = Environment()
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("legate %s: %v\n%s", strings.Join(args, " "), err, complaint.Bytes())
	}
	return out
}

// Environment is this process's without what would point Legate at somebody's own Consul.
func Environment() (own []string) {
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "CONSUL_") && !strings.HasPrefix(e, "LEGATE_") {
			own = append(own, e)
		}
	}
	return own
}
