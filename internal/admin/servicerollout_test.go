package admin

import (
	"strings"
	"testing"
	"time"

	"legate/internal/bridge"
	"legate/translate/policy"
)

func TestAServiceThatWaitsForItsPolicySaysWhatItIsStillServedWith(t *testing.T) {
	h := healthy().with(several())
	if s := h.service(t, "/api/v1/services/shop"); s.Rollout != nil {
		t.Errorf("no change is under way: %+v", s.Rollout)
	}
	p, err := policy.Parse([]policy.File{{Name: "policy.yaml", Content: []byte("defaults: {connect_timeout: 2s, idle_timeout: 1m}")}})
	if err != nil {
		t.Fatal(err)
	}
	h.state.Resources, _, _ = h.state.Resources.Propose(p).Survey(1000)
	h.state.Rollout = bridge.Rollout{Since: now.Add(-time.Minute), Changed: 1, Waiting: 9}
	s := h.service(t, "/api/v1/services/shop")
	want := []Still{{"idle_timeout", "", "1m", "defaults policy.yaml:1"}, {"connect_timeout", "5s", "2s", "defaults policy.yaml:1"}}
	if r := s.Rollout; r == nil || r.State != RolloutWaiting || !r.Since.Equal(now.Add(-time.Minute)) || len(r.Still) != 2 || r.Still[0] != want[0] || r.Still[1] != want[1] {
		t.Errorf("while it waits: %+v", r)
	}
	page := h.get(t, "/services/shop").Body.String()
	for _, want := range []string{"goes out, and this cluster has not changed yet", "still not set", "still 5s"} {
		if !strings.Contains(page, want) {
			t.Errorf("want %q in\n%s", want, page)
		}
	}
	h.state.Rollout.Paused, h.state.Rollout.GoesOn = now.Add(-time.Second), bridge.RolloutRemedy
	if r := h.service(t, "/api/v1/services/shop").Rollout; r == nil || r.State != RolloutPaused || !r.Since.Equal(now.Add(-time.Second)) || r.Remedy != bridge.RolloutRemedy || len(r.Still) != 2 {
		t.Errorf("while it is paused: %+v", r)
	}
	if page := h.get(t, "/services/shop").Body.String(); !strings.Contains(page, "goes out no further, 1 s ago") || !strings.Contains(page, bridge.RolloutRemedy[:20]) {
		t.Error(page)
	}
	h.state.Resources, _ = h.state.Resources.Advance(h.state.Resources.Behind(), now)
	if r := h.service(t, "/api/v1/services/shop").Rollout; r != nil {
		t.Errorf("after that: %+v", r)
	}
}
