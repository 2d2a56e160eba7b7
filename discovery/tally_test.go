package discovery

import (
	"testing"
	"time"
)

func TestManyEventsAreSummedUpOverTime(t *testing.T) {
	var held tally
	start := time.Unix(1000, 0)
	lines, sums, told := 0, 0, 0
	for tick := range 200 { // two events a second for 100 s, then none
		now := start.Add(time.Duration(tick) * 500 * time.Millisecond)
		if held.line("a", now) {
			lines++
		}
		if by, n := held.sum(now); n > 0 {
			sums++
			told += by["a"]
		}
	}
	if _, n := held.sum(start.Add(time.Hour)); n > 0 {
		sums++
		told += n
	}
	if lines+told != 200 || lines > 2*tallyLines || sums > 4 {
		t.Errorf("200 events had %d lines and %d sums, which tell of %d", lines, sums, lines+told)
	}
	if !held.line("a", start.Add(2*time.Hour)) {
		t.Error("a single event after all that has no line of its own")
	}
}

// Services that go one after the other, over a minute and more, and come back so, take few lines.
func TestAMassLossHasFewLines(t *testing.T) {
	fake := many(100, 2)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		for n := range 100 {
			fake.set(name(n), -1)
			time.Sleep(900 * time.Millisecond)
		}
		time.Sleep(2 * time.Minute)
		for n := range 100 {
			fake.set(name(n), 2)
			time.Sleep(900 * time.Millisecond)
		}
		time.Sleep(2 * time.Minute)
		if n := r.log.Count("\n"); n > 50 {
			t.Errorf("%d lines tell of 100 services", n)
		}
		if r.log.Count("losses of many services are held") == 0 || r.log.Count("many holds are over") == 0 {
			t.Error("nothing sums up what has no line of its own")
		}
	})
}
