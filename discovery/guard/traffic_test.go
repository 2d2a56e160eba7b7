package guard

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"legate/discovery/catalog"
)

// key names a service.
func key(n int) catalog.ServiceKey { return catalog.ServiceKey{Name: fmt.Sprintf("svc-%03d", n)} }

// allValues is what highWater stands for: all values there ever were.
type allValues struct {
	now  int
	past []mark
}

func (a *allValues) set(v int, at time.Time) {
	a.past = append(a.past, mark{a.now, at})
	a.now = v
}

func (a *allValues) most(since time.Time) int {
	most := a.now
	for _, m := range a.past {
		if !m.until.Before(since) {
			most = max(most, m.value)
		}
	}
	return most
}

func (a *allValues) discount(n int) {
	a.now -= n
	for i := range a.past {
		a.past[i].value -= n
	}
}

func TestTheHighWaterIsTheMostOfAllValues(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 9))
		var h highWater
		all := &allValues{}
		for second := range 60 {
			switch v := random.IntN(12); random.IntN(6) {
			case 0, 1, 2, 3:
				h.set(v, at(float64(second)))
				all.set(v, at(float64(second)))
			case 4:
				h.discount(v)
				all.discount(v)
			}
			since := at(float64(second - 7))
			if got, want := h.most(since), all.most(since); got != want {
				t.Fatalf("seed %d, second %d: %d, want %d", seed, second, got, want)
			}
			for i, m := range h.past { // what can never be the most again is forgotten
				if m.until.Before(since) || m.value <= h.now || i > 0 && m.value >= h.past[i-1].value {
					t.Fatalf("seed %d, second %d: keeps %+v beside %d", seed, second, h.past, h.now)
				}
			}
		}
		h.past = nil
		if got := h.most(at(0)); got != h.now {
			t.Fatalf("seed %d: %d after it forgot, want %d", seed, got, h.now)
		}
	}
}
