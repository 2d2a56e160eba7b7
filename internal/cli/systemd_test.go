package cli

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// systemd listens as it does, and hands out what it is told.
func systemd(t *testing.T, watchdog time.Duration) (next func() string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", strconv.FormatInt(watchdog.Microseconds(), 10))
	t.Setenv("WATCHDOG_PID", "")
	return func() string {
		buffer := make([]byte, 4096)
		_ = l.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		n, err := l.Read(buffer)
		if err != nil {
			return "nothing"
		}
		return string(buffer[:n])
	}
}

func TestSystemdHearsWhenLegateIsReadyAliveReloadingAndStopping(t *testing.T) {
	next := systemd(t, 90*time.Millisecond)
	until := func(want string) {
		t.Helper()
		for range 100 {
			if next() == want {
				return
			}
		}
		t.Errorf("never heard %q", want)
	}
	var isReady, isAlive atomic.Bool
	isAlive.Store(true)
	working, end := context.WithCancel(t.Context())
	serving, stop := context.WithCancel(working)
	s := supervision{notify: notifier(slog.New(slog.DiscardHandler)), ready: isReady.Load, alive: func(context.Context) bool { return isAlive.Load() }}
	ended := make(chan error, 1)
	go func() { ended <- s.run(serving, working) }()

	for range 5 { // alive before it is ready, and not ready before it is
		if said := next(); said != "WATCHDOG=1" {
			t.Errorf("heard %q", said)
		}
	}
	isReady.Store(true)
	until("READY=1")
	stop()
	until("STOPPING=1")
	until("WATCHDOG=1") // also while streams are drained
	isAlive.Store(false)
	until("nothing")
	if said := next(); said != "nothing" {
		t.Errorf("not alive, and says %q", said)
	}
	end()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if said := reloading(); !strings.HasPrefix(said, "RELOADING=1\nMONOTONIC_USEC=") {
		t.Errorf("%q", said)
	}
}

func TestALimitOfFilesThatIsTooLowIsNamed(t *testing.T) {
	if tooFewFiles(1024, 100) != 1164 || tooFewFiles(1164, 100) != 0 || tooFewFiles(1<<20, 100) != 0 {
		t.Errorf("%d %d", tooFewFiles(1024, 100), tooFewFiles(1164, 100))
	}
}
