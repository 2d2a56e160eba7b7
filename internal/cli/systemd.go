package cli

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// States of the service for systemd, sent to the socket that it names in $NOTIFY_SOCKET.
// https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
const (
	ready    = daemon.SdNotifyReady
	stopping = daemon.SdNotifyStopping
	watchdog = daemon.SdNotifyWatchdog
)

func reloading() string { return daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec() }

// notifier returns a function that notifies systemd; without systemd it does nothing.
func notifier(log *slog.Logger) func(state string) {
	return func(state string) {
		if _, err := daemon.SdNotify(false, state); err != nil {
			log.Debug("systemd cannot be told", "error", err)
		}
	}
}

// supervision tells systemd when Legate has something to serve, when it stops, and its status in
// words ("systemctl status" shows them). With WatchdogSec= in the unit it also says that Legate is
// alive: systemd restarts a Legate that stops saying so.
type supervision struct {
	notify func(state string)
	ready  func() bool
	alive  func(ctx context.Context) bool
	words  func() (said string, ready bool)
}

// statusEvery is how often the status is checked. It is sent when it has changed.
const statusEvery = time.Second

func (s supervision) run(serving, working context.Context) error {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		interval = 0 // the variables are not for this process
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
	say := time.NewTicker(statusEvery)
	defer say.Stop()
	told := ""
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
		case <-say.C:
			said, _ := s.words()
			if said, _, _ = strings.Cut(said, "\n"); said != told { // each line is a message of its own
				told = said
				s.notify("STATUS=" + said)
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
