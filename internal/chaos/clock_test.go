package chaos_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// First arguments of the test binary for processes of their own.
const (
	ownClock    = "own-clock"        // FILE PROGRAM ARGUMENTS...: become the program
	clockKeeper = "own-clock-keeper" // THREAD FILE: trace it
)

// asClock runs this process as one of those, if its arguments say so.
func asClock(args []string) {
	var err error
	switch {
	case len(args) > 2 && args[0] == ownClock:
		err = withOwnClock(args[1], args[2], args[3:])
	case len(args) == 3 && args[0] == clockKeeper:
		err = keepClock(args[1], args[2])
	default:
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// clocked restarts Legate with a clock of its own, which is right at first.
func clocked(t *testing.T, s *scene) {
	self, err := os.Executable()
	must(t, err)
	s.clock = filepath.Join(t.TempDir(), "clock")
	must(t, os.WriteFile(s.clock, []byte("0s"), 0o600))
	s.plainPath, s.plainArgs = s.legate.Path, slices.Clone(s.legate.Args)
	if out, err := exec.Command(self, ownClock, s.clock, s.legate.Path, "--version").CombinedOutput(); err != nil {
		s.notInjected(t, fmt.Errorf("%w: %s", err, out))
	}
	s.relaunch(t, self, append([]string{ownClock, s.clock, s.legate.Path}, s.legate.Args...))
}

func unclocked(t *testing.T, s *scene) { s.relaunch(t, s.plainPath, s.plainArgs) }

// setClock sets Legate's clock to that far ahead of the true time. It also applies to a Legate that
// starts later.
func (s *scene) setClock(t testing.TB, ahead time.Duration) {
	t.Helper()
	must(t, os.WriteFile(s.clock+".new", []byte(ahead.String()), 0o600))
	must(t, os.Rename(s.clock+".new", s.clock))
}

// stepClock sets the clock of the running Legate, and waits until Legate has noticed.
func (s *scene) stepClock(t testing.TB, ahead time.Duration) {
	t.Helper()
	s.setClock(t, ahead)
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + s.legate.Admin + "/healthz")
	must(t, err)
	resp.Body.Close()
	says, err := http.ParseTime(resp.Header.Get("Date"))
	must(t, err)
	if is := time.Until(says); (is - ahead).Abs() > 3*time.Second {
		t.Fatalf("legate's clock was set %v ahead, and is %v ahead", ahead, is.Round(time.Second))
	}
}
