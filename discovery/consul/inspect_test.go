package consul

import (
	"testing"
	"time"
)

func TestClocksAreComparedAsFarAsASecondTells(t *testing.T) {
	at := func(seconds float64) time.Time {
		return time.Unix(1000, 0).Add(time.Duration(seconds * float64(time.Second)))
	}
	for _, c := range []struct {
		asked, answered float64 // by this clock, when the other one says 0 without what is less than a second
		ahead           time.Duration
	}{
		{0, 0.1, 0}, {0.9, 1, 0}, {-0.5, 0.2, 0}, {0.9, 5, 0},
		{3, 3.1, 2 * time.Second}, {-3, -2, -2 * time.Second},
	} {
		if got := between(at(0), at(c.asked), at(c.answered)); got != c.ahead {
			t.Errorf("asked at %v, answered at %v: %v, want %v", c.asked, c.answered, got, c.ahead)
		}
	}
}
