package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestHowLongFilesOnASlowDiskAreWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "file")
		takes := NewTimeout - 1
		write := func(content string) {
			t.Helper()
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("one")
		slow := Source[string]{
			Files: func() []string { return []string{path} },
			Read: func() (string, error) {
				content, err := os.ReadFile(path)
				time.Sleep(takes)
				return string(content), err
			},
		}
		v, err := New(slow)
		if err != nil || v.Now() != "one" {
			t.Fatal(v, err)
		}
		within := func(want string, wait time.Duration) {
			t.Helper()
			began := time.Now()
			if got := v.Now(); got != want || time.Since(began) != wait {
				t.Errorf("it was %q after %v, want %q after %v", got, time.Since(began), want, wait)
			}
		}
		within("one", 0)

		write("second")
		takes = NowTimeout - 1
		within("second", NowTimeout-1)

		write("the third")
		takes = 2 * NowTimeout
		go v.Now()
		time.Sleep(NowTimeout - 1)
		if _, err := v.Trouble(); err != nil {
			t.Errorf("it is a trouble already: %v", err)
		}
		within("second", 1)
		if since, err := v.Trouble(); err == nil || time.Since(since) != NowTimeout || !strings.Contains(err.Error(), "reading it has taken 1s so far: does a disk hang?") {
			t.Errorf("since %v: %v", since, err)
		}
		within("second", 0)
		time.Sleep(NowTimeout + 1)
		within("the third", 0)
		if since, err := v.Trouble(); err != nil || !since.IsZero() {
			t.Errorf("since %v: %v", since, err)
		}

		takes = NewTimeout + 1
		began := time.Now()
		if _, err := New(slow); err == nil || !strings.Contains(err.Error(), "reading it has taken 10s so far") || time.Since(began) != NewTimeout {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		time.Sleep(takes - NewTimeout)
	})
}
