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

// built is Legate's program, built once for all tests of a run, as a release is built.
var built struct {
	sync.Once
	path string
	err  error
}

func build() (path string, err error) {
	dir, err := os.MkdirTemp("", "legate-program-")
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "legate")
	out, err := exec.Command("go", "build", "-trimpath", "-o", path, "legate").CombinedOutput()
	if err != nil {
		return "", errors.Join(fmt.Errorf("build legate: %w\n%s", err, out), os.RemoveAll(dir))
	}
	return path, nil
}

// Program is the path of Legate's program. Remove removes it.
func Program(t testing.TB) string {
	t.Helper()
	built.Do(func() { built.path, built.err = build() })
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

// Remove removes what Program built, if it did. It is for TestMain, after all tests.
func Remove() {
	if built.path != "" {
		os.RemoveAll(filepath.Dir(built.path))
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
