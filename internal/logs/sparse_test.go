package logs

import (
	"testing"
	"time"
)

// Whatever comes, there are at most ten lines in a second and SparseLines in a minute, few sums, and each event has a
// line or is in a sum.
func TestSparseLinesAndSumsAreFewAndCountEverything(t *testing.T) {
	for name, every := range map[string]time.Duration{"a flood": time.Millisecond, "ten in a second": 100 * time.Millisecond, "one in two seconds": 2 * time.Second, "one in three seconds": 3 * time.Second} {
		var s Sparse
		var lines, sums []time.Time
		events, summed := 0, 0
		began := time.Unix(0, 0)
		now := began
		for ; now.Sub(began) < 10*time.Minute; now = now.Add(every) {
			for due := s.Due(now); due == 0; due = -1 {
				n, in := s.Sum(now, false)
				if n == 0 || in < time.Second {
					t.Fatalf("%s: %d in %v are summed up when it is due", name, n, in)
				}
				summed += n
				sums = append(sums, now)
			}
			events++
			if s.Line(now) {
				lines = append(lines, now)
			}
		}
		if n, _ := s.Sum(now, false); s.Due(now) > 0 && n != 0 {
			t.Errorf("%s: %d are summed up too early", name, n)
		}
		rest, _ := s.Sum(now, true)
		if len(lines)+summed+rest != events {
			t.Errorf("%s: %d lines and %d in sums, of %d", name, len(lines), summed+rest, events)
		}
		for i := range lines {
			if i >= 10 && lines[i].Sub(lines[i-10]) < time.Second || i >= SparseLines && lines[i].Sub(lines[i-SparseLines]) < time.Minute {
				t.Fatalf("%s: too many lines at %v", name, lines[i].Sub(began))
			}
		}
		for i := 1; i < len(sums); i++ {
			if sums[i].Sub(sums[i-1]) < SparseSums {
				t.Fatalf("%s: sums at %v and %v", name, sums[i-1].Sub(began), sums[i].Sub(began))
			}
		}
		if every == 3*time.Second && summed+rest > 0 {
			t.Errorf("%s: %d have no line", name, summed+rest)
		}
		if s.Due(now) >= 0 {
			t.Errorf("%s: something is left", name)
		}
	}
	if most := DefaultConfig().Lines; SparseLines >= most || int(time.Minute/SparseSums) >= most {
		t.Errorf("a handler cuts lines off above %d", most)
	}
}
