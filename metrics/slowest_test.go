package metrics

import (
	"testing"
	"time"
)

func TestTheSlowestChangeOfLateIsSpokenOfForAWhile(t *testing.T) {
	x := New(BuildInfo{}).XDS
	now := time.Unix(1_000_000, 0)
	x.now = func() time.Time { return now }
	delays := x.Delays(cds)
	step := func(observe func(time.Duration, Origin), took, want time.Duration) {
		t.Helper()
		observe(took, Origin{})
		if got, _ := x.Slowest(); got != want {
			t.Errorf("after %v: the slowest took %v, want %v", took, got, want)
		}
	}
	step(delays.Sent, time.Second, 0)
	step(delays.Acknowledged, time.Minute, 0) // takes as long as the client takes
	step(delays.Sent, 3*time.Second, 3*time.Second)
	step(delays.Sent, 2*time.Second, 3*time.Second)
	_, first := x.Slowest()
	now = now.Add(slowSpan + time.Second)
	if got, _ := x.Slowest(); got != 0 || !first.Equal(time.Unix(1_000_000, 0)) {
		t.Errorf("long after: %v, noted at %v", got, first)
	}
	step(delays.Sent, 2*time.Second, 2*time.Second)
	if took, at := (*XDS)(nil).Slowest(); took != 0 || !at.IsZero() {
		t.Error("without metrics something is slow")
	}
}
