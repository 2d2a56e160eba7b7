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

	"legate/discovery/catalog"
	"legate/internal/lastknown"
)

// systemd plays systemd's notification socket and returns the messages that it receives.
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
	s := supervision{notify: notifier(slog.New(slog.DiscardHandler)), ready: isReady.Load, alive: func(context.Context) bool { return isAlive.Load() },
		words: func() (string, bool) { return "well, so far\nREADY=1", isReady.Load() }}
	ended := make(chan error, 1)
	go func() { ended <- s.run(serving, working) }()

	for range 5 { // alive before it is ready, and no READY too early
		if said := next(); said != "WATCHDOG=1" {
			t.Errorf("heard %q", said)
		}
	}
	isReady.Store(true)
	until("READY=1")
	until("STATUS=well, so far")
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

// The whole path from the command line to systemd, with only a file to serve.
func TestALegateWithoutConsulIsReadyWithItsLastKnownCatalog(t *testing.T) {
	next := systemd(t, 300*time.Millisecond)
	state, config := t.TempDir(), filepath.Join(t.TempDir(), "legate.yaml")
	key := catalog.ServiceKey{Datacenter: "dc1", Name: "shop"}
	h := lastknown.Header{Scope: lastknown.Scope{Datacenter: "dc1"}, Believed: time.Now()}
	var file strings.Builder
	if err := lastknown.Encode(&file, h, catalog.Of(catalog.Service{Key: key})); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(state, "last-known-catalog"), file.String())
	write(t, config, "log: {level: info}\n")

	r := serve(t, "--consul-addr", closedPort(t), "--state-dir", state, "--last-known-grace", "500ms", "--config", config)
	hear := func(want string) {
		t.Helper()
		limit := time.Now().Add(15 * time.Second)
		for said := next(); !strings.HasPrefix(said, want); said = next() {
			if said != "WATCHDOG=1" && said != "nothing" && !strings.HasPrefix(said, "STATUS=") || time.Now().After(limit) {
				t.Fatalf("heard %q, want %q", said, want)
			}
		}
	}
	hear("WATCHDOG=1")
	if code, _ := r.get("/readyz"); code != 503 {
		t.Errorf("before the grace is over: readyz %d", code)
	}
	hear("READY=1")
	hear("STATUS=ready, stale: serving the last known catalog")
	if code, body := r.get("/readyz"); code != 200 || !strings.HasPrefix(body, "ready, stale: serving the last known catalog") {
		t.Errorf("readyz: %d %s", code, body)
	}
	if _, dump := r.get("/debug/config_dump"); !strings.Contains(dump, `"shop"`) {
		t.Errorf("not served: %s", dump)
	}
	hangUp(t)
	hear("RELOADING=1")
	hear("READY=1")
	if code := r.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	hear("STOPPING=1")
}
