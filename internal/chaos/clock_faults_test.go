package chaos_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"
)

// How far Legate's clock is ahead of the true time.
const (
	fast = 2 * time.Hour
	slow = -3 * time.Hour
)

func clockSteps(t *testing.T, s *scene) {
	for _, ahead := range []time.Duration{fast, slow} {
		s.stepClock(t, ahead)
		hold(4 * time.Second)
		s.meanwhile(t)
	}
	s.front.tell(mostGone)
	must(t, soon(t.Context(), 20*time.Second, func() error {
		if s.held(t) == 0 {
			return errors.New("nothing is held")
		}
		return nil
	}))
	s.stepClock(t, 0)
	hold(15 * time.Second) // Consul confirms the loss after 10 s
	if s.held(t) == 0 {
		t.Fatal("a loss that is held for an hour was believed when the clock went on by three")
	}
	s.front.tell(nil)
}

func clockSetBack(t *testing.T, s *scene) {
	s.stepClock(t, fast)
	s.meanwhile(t) // so that there is something to write
	must(t, soon(t.Context(), 20*time.Second, func() error {
		text, err := s.legate.Get(t.Context(), "/api/v1/status")
		if err != nil {
			return err
		}
		var status struct {
			LastKnown struct{ Written time.Time } `json:"last_known"`
		}
		if err := json.Unmarshal(text, &status); err != nil {
			return err
		}
		if time.Until(status.LastKnown.Written) < fast/2 {
			return errors.New("the last known catalog is not dated ahead")
		}
		return nil
	}))
	must(t, s.consul.Kill())
	s.setClock(t, slow)
	s.restartBlind(t)
	s.stepClock(t, slow)
	hold(4 * time.Second)
	must(t, s.consul.Start(t.Context()))
	s.stepClock(t, 0)
}

func clockedBehindFront(t *testing.T, s *scene) {
	clocked(t, s)
	withFront(t, s)
}

func unclockedBefore(t *testing.T, s *scene) {
	withoutFront(t, s)
	unclocked(t, s)
}

// held returns how many instances are served that Consul no longer has.
func (s *scene) held(t testing.TB) int {
	t.Helper()
	page, err := s.legate.Get(t.Context(), "/metrics")
	must(t, err)
	return int(metric(page, "legate_holds_instances"))
}
