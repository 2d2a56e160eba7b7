package demo

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"legate/internal/legatetest"
	"legate/internal/logtest"
	"legate/internal/parts/partstest"
)

var legate = legatetest.NewProgram()

func TestMain(m *testing.M) { os.Exit(legate.Run(m)) }

// program returns Legate's program for a story, and gives the story an empty folder for its files.
func program(t *testing.T) string {
	t.Helper()
	partstest.ConsulPath(t) // skips the test without real programs
	partstest.EnvoyPath(t)
	path := legate.Path(t)
	t.Setenv("TMPDIR", t.TempDir())
	return path
}

// nothingLeft fails the test if the story left files behind.
func nothingLeft(t *testing.T) {
	t.Helper()
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		t.Errorf("left behind: %s", f.Name())
	}
}

func TestTheWholeStoryHoldsAndEndsByItself(t *testing.T) {
	o := Options{Legate: program(t), Out: new(logtest.Buffer)}
	t.Setenv("CONSUL_HTTP_ADDR", "127.0.0.1:1") // the user's own Consul must not be used
	t.Setenv("CONSUL_NAMESPACE", "team-a")
	t.Setenv("LEGATE_INCLUDE", "nothing")
	err := Run(t.Context(), o)
	told := o.Out.(*logtest.Buffer).String()
	if err != nil {
		t.Fatalf("%v\n%s", err, told)
	}
	t.Log(told)
	for _, c := range chapters {
		if !strings.Contains(told, c.title) {
			t.Errorf("not told: %s", c.title)
		}
	}
	if !strings.Contains(told, "All of it held") || strings.ContainsAny(told, "\x1b\r") {
		t.Error("not what a file or a pipe should get")
	}
	for line := range strings.Lines(told) {
		if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > 80 {
			t.Errorf("wider than 80 columns: %s", line)
		}
	}
	nothingLeft(t)
}

func TestAStoryThatIsInterruptedEndsSoonAndLeavesNothing(t *testing.T) {
	out := new(logtest.Buffer)
	o := Options{Legate: program(t), Out: out}
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	done := make(chan error, 1)
	go func() { done <- Run(ctx, o) }()
	for !strings.Contains(out.String(), chapters[1].title) {
		select {
		case err := <-done:
			t.Fatalf("it ended before it was interrupted: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	interrupt()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	case <-time.After(15 * time.Second):
		t.Fatal("it did not end")
	}
	nothingLeft(t)
}

func TestAStoryThatDoesNotHoldSaysWhyAndKeepsTheLogs(t *testing.T) {
	program(t)
	cache := t.TempDir()
	broken := filepath.Join(t.TempDir(), "legate")
	if err := os.WriteFile(broken, []byte("#!/bin/sh\necho no catalog today\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	seedCache(t, cache)
	out := new(logtest.Buffer)
	err := Run(t.Context(), Options{Legate: broken, Out: out})
	if err == nil || !strings.Contains(err.Error(), "no catalog today") {
		t.Fatalf("error %v", err)
	}
	logs, globErr := filepath.Glob(filepath.Join(cache, "legate", "logs", "*-legate.log"))
	if globErr != nil || len(logs) != 1 || !strings.Contains(err.Error(), logs[0]) {
		t.Errorf("logs %v; error %v", logs, err)
	}
	if strings.Contains(out.String(), "✓ Legate") {
		t.Errorf("it says that Legate started:\n%s", out)
	}
	nothingLeft(t)
}

// seedCache makes that folder the user's cache folder, with the real programs in it.
func seedCache(t *testing.T, cache string) {
	t.Helper()
	from := filepath.Dir(partstest.ConsulPath(t))
	if err := os.Mkdir(filepath.Join(cache, "legate"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(from, filepath.Join(cache, "legate", "bin")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_CACHE_HOME", cache)
}
