package watch

import (
	"io"
	"testing"
	"time"
)

func TestOutagesThatComeAgainAreSummedUpUnlessTheyLast(t *testing.T) {
	now := time.Now()
	r := &series{}
	for range seriesLines {
		if !r.line(now) {
			t.Error("the first have lines")
		}
		r.end(true, nil, now)
	}
	for n := range 10 {
		now = now.Add(time.Minute)
		if r.line(now) {
			t.Error("a line for each")
		}
		r.end(false, io.EOF, now)
		if got, want := r.sum(now), map[int]int{5: 6}[n]; got != want {
			t.Errorf("after %d: %d, want %d", n, got, want)
		}
	}
	if now = now.Add(seriesQuiet + 1); !r.line(now) {
		t.Error("it was quiet")
	}
}

// Outages that come again are a problem from the third on, since the first, until none came for a
// while; after ten minutes without one they have nothing to do with each other.
func TestOutagesThatComeAgainAreAProblem(t *testing.T) {
	r := &series{}
	outage := func(seconds float64) {
		r.end(r.line(at(seconds)), nil, at(seconds))
	}
	outage(0)
	outage(30)
	if r.repeats(at(31)) {
		t.Error("two are none that come again and again")
	}
	outage(60)
	if last := at(60).Add(seriesShown); !r.repeats(at(61)) || !r.repeats(last.Add(-1)) || r.repeats(last) || !r.first.Equal(at(0)) {
		t.Errorf("three, since %v", r.first.Sub(at(0)))
	}
	at10 := at(60).Add(seriesQuiet)
	if r.line(at10) {
		t.Error("ten minutes later it is not quiet yet")
	}
	if !r.line(at10.Add(1)) || r.row != 0 {
		t.Error("and then it is")
	}
	r.end(true, nil, at10.Add(1))
	if r.repeats(at10.Add(2)) || !r.first.Equal(at10.Add(1)) {
		t.Errorf("one, since %v", r.first.Sub(at(0)))
	}
}
