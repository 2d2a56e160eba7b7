package watch

import (
	"testing"
	"time"
)

func TestPausesDoubleUpToTheirMost(t *testing.T) {
	b := backoff{min: time.Second, max: 6 * time.Second}
	for range 2 { // a success starts it over
		for _, want := range []time.Duration{1, 2, 4, 6, 6} {
			if got := b.ceiling(); got != want*time.Second {
				t.Errorf("up to %v, want %v", got, want*time.Second)
			}
			if got := b.next(); got <= 0 || got > want*time.Second {
				t.Errorf("a pause of %v, want above 0 and up to %v", got, want*time.Second)
			}
		}
		b.reset()
	}
	if b := (backoff{min: time.Second, max: 4 * time.Second, failures: 2}); b.ceiling() != 4*time.Second {
		t.Errorf("up to %v, want what is its most exactly", b.ceiling())
	}
}

func TestWhatAListCostsDecidesHowOftenItIsAskedFor(t *testing.T) {
	var c listCost
	for _, s := range []struct {
		took  time.Duration
		names int
		want  time.Duration // pause after it
	}{
		{50 * time.Millisecond, 10, time.Second},       // the least
		{900 * time.Millisecond, 10, time.Second},      // it waited
		{400 * time.Millisecond, 100, 4 * time.Second}, // less for each name
		{300 * time.Millisecond, 100, 3 * time.Second}, // and less still
		{300 * time.Millisecond, 100, 3 * time.Second}, // as much
		{time.Hour, 200, listAtMost},                   // twice as many names, twice the cost, the most
		{time.Nanosecond, 0, time.Second},              // none is like one
		{time.Hour, 2, time.Second},                    // the shortest counts
	} {
		c.learn(s.took, s.names)
		if got := c.pause(s.names); got != s.want {
			t.Errorf("after %v for %d names: %v, want %v", s.took, s.names, got, s.want)
		}
	}
}
