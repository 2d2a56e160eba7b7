package watch

import (
	"testing"
	"time"
)

func TestTheSweepIsAsFastAsItIsNeeded(t *testing.T) {
	for _, c := range []struct {
		name                string
		ring                int
		signalling, boosted bool
		want                time.Duration
	}{
		{"nobody", 0, false, false, 3 * time.Second},
		{"in the period", 60, false, false, 50 * time.Millisecond},
		{"at the rate, if the period were faster", 1000, false, false, 10 * time.Millisecond},
		{"with signals, nobody", 0, true, false, 3 * time.Second},
		{"with signals, few: in the period", 10, true, false, 300 * time.Millisecond},
		{"with signals, more", 100, true, false, time.Second / quietRate},
		{"with signals, many: in the longer period", 1000, true, false, quietPeriod / 1000},
		{"with signals, very many: at the rate", 10_000, true, false, 10 * time.Millisecond},
		{"unexplained: at the rate", 100, true, true, 10 * time.Millisecond},
		{"unexplained, without signals: in the period", 60, false, true, 50 * time.Millisecond},
	} {
		w := queriesOver(t, 100)
		for range c.ring {
			w.ring.addUnlessDirect(&Service{})
		}
		w.ring.setSignalled(c.signalling)
		if c.boosted {
			w.ring.unexplained(time.Now(), func(int) time.Duration { return time.Hour })
		}
		if got := w.sweepInterval(); got != c.want {
			t.Errorf("%s: a turn every %v, want %v", c.name, got, c.want)
		}
	}
}

func TestHowOftenAConsulThatDoesNotWaitIsPolled(t *testing.T) {
	w := queriesOver(t, 100)
	for watches, want := range map[int]time.Duration{0: pollEvery, 100: pollEvery, 101: 2020 * time.Millisecond, 1000: 20 * time.Second} {
		w.watched.Store(int64(watches))
		w.polled.Store(int64(0))
		if got := w.longestPoll(); got != want {
			t.Errorf("%d services: up to %v, want %v", watches, got, want)
		}
	}
}
