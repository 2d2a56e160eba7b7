package cli

import (
	"context"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// What systemd is told, over the socket that it names in $NOTIFY_SOCKET.
// https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
const (
	ready    = daemon.SdNotifyReady
	stopping = daemon.SdNotifyStopping
	watchdog = daemon.SdNotifyWatchdog
)

func reloading() string { return daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec() }

// notifier tells systemd, if it is there, and nobody otherwise.
func notifier(log *slog.Logger) func(state string) {
	return func(state string) {
		if _, err := daemon.SdNotify(false, state); err != nil {
			log.Debug("systemd cannot be told", "error", err)
		}
	}
}

// supervision tells systemd when Legate has something to serve, when it ends, and, where the
// unit has WatchdogSec=, that it is alive: systemd restarts a Legate that says so no more.
type supervision struct {
	notify func(state string)
	ready  func() bool
	alive  func(ctx context.Context) bool
}

func (s supervision) run(serving, working context.Context) error {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		interval = 0 // not meant for this process
	}
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	wait := look.C
	var beat <-chan time.Time
	if interval > 0 {
		ticker := time.NewTicker(interval / 3)
		defer ticker.Stop()
		beat = ticker.C
	}
	ending := serving.Done()
	for {
		select {
		case <-working.Done():
			return nil
		case <-ending:
			ending, wait = nil, nil
			s.notify(stopping)
		case <-wait:
			if s.ready() {
				wait = nil
				s.notify(ready)
			}
		case <-beat:
			limit, cancel := context.WithTimeout(working, interval/3)
			if s.alive(limit) {
				s.notify(watchdog)
			}
			cancel()
		}
	}
}
