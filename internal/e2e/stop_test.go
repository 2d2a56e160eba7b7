package e2e_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"legate/internal/parts"
)

// A Legate that is told to stop is no longer ready, so that no new clients come, and goes on
// serving connected clients until others have had time to notice.
func TestALegateThatIsToldToStopServesOnForAWhile(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	s.register(t, "shop", "shop-1", 1)
	const delay = 4 * time.Second
	s.legate = startLegate(t, s.consul, "--drain-delay", delay.String())
	s.envoys = append(s.envoys, startEnvoy(t, s.legate, adsDelta, "shop"))
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1") })
	traffic := visit(t, s.envoys[0], "shop")

	began := time.Now()
	if err := s.legate.Terminate(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		_, err := s.legate.get("/readyz")
		if err == nil {
			return errors.New("legate is still ready")
		}
		if !strings.Contains(err.Error(), "told to stop") {
			t.Fatal(err)
		}
		return nil
	})
	s.register(t, "shop", "shop-2", 1)
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1", "shop-2") })
	if took := time.Since(began); took > delay {
		t.Fatalf("the delay is over, this shows nothing: %v", took)
	}
	if err := s.legate.Err(); err != nil { // waits for the end
		t.Error(err)
	}
	if took := time.Since(began); took < delay || took > delay+5*time.Second {
		t.Errorf("it ended after %v", took)
	}
	traffic.goesOn(t)
}

// A second signal ends Legate at once.
func TestASecondSignalEndsLegateAtOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	s.register(t, "shop", "shop-1", 1)
	s.legate = startLegate(t, s.consul, "--drain-delay", "5m")
	s.envoys = append(s.envoys, startEnvoy(t, s.legate, adsDelta, "shop"))
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1") })
	if err := s.legate.Terminate(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if _, err := s.legate.get("/readyz"); err == nil {
			return errors.New("legate is still ready")
		}
		return nil
	})
	if err := s.legate.Terminate(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.legate.Done():
	case <-time.After(5 * time.Second):
		t.Error("it has not ended")
	}
}

// The selection in the configuration file changes, and Legate follows without a restart. A file
// with a mistake changes nothing.
func TestAChangedSelectionIsServedWithoutARestart(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	s.register(t, "shop", "shop-1", 1)
	s.register(t, "bakery", "bakery-1", 1)
	config := filepath.Join(t.TempDir(), "legate.yaml")
	say := func(text string) {
		t.Helper()
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if s.legate != nil {
			if err := syscall.Kill(s.legate.PID(), syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
		}
	}
	say("services: {include: shop}")
	s.legate = startLegate(t, s.consul, "--config", config)
	for _, w := range []way{adsDelta, adsSotW} {
		s.envoys = append(s.envoys, startEnvoy(t, s.legate, w, "shop", "bakery"))
	}
	s.everywhere(t, func(e *envoy) error { return errors.Join(e.answers("shop", "shop-1"), e.refuses("bakery")) })

	say("services: {include: bakery}")
	s.everywhere(t, func(e *envoy) error { return errors.Join(e.answers("bakery", "bakery-1"), e.refuses("shop")) })

	say("services: {include: shop, tags: }\nconsul: {adr: 127.0.0.1:1}")
	s.legate.exports(t, "legate_config_last_reload_successful 0")
	s.everywhere(t, func(e *envoy) error { return errors.Join(e.answers("bakery", "bakery-1"), e.refuses("shop")) })
}
