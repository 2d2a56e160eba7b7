package admission

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
)

func TestAChargeIsCountedOnceForWhoHasItFirst(t *testing.T) {
	b := NewBudget(200, func(string) {})
	var first, second Share
	c := NewCharge(HeldResponses, 90)
	for i, s := range []*Share{&first, &second, &first} {
		if err := c.Acquire(b, s); err != nil || b.Held("responses") != 90 || first.Bytes() != 90 || second.Bytes() != 0 {
			t.Errorf("holder %d: %v, %+v, %d, %d", i, err, b.Memory(), first.Bytes(), second.Bytes())
		}
	}
	if err := NewCharge(HeldResponses, 20).Acquire(b, &first); err == nil {
		t.Error("the address has more than half")
	}
	for left := range 3 {
		if b.Held("responses") != 90 {
			t.Errorf("given back with %d holders left", 3-left)
		}
		c.Release(b)
	}
	if b.Held("responses") != 0 || first.Bytes() != 0 {
		t.Errorf("left: %+v", b.Memory())
	}
	if err := c.Acquire(b, &second); err != nil || second.Bytes() != 90 {
		t.Errorf("somebody has it again: %v, %d", err, second.Bytes())
	}
	var none *Charge
	if err := none.Acquire(b, &first); err != nil {
		t.Error(err)
	}
	none.Release(b)
}

func TestUnreadAnswersAreBoundedAndHalfOfThemForAnAddress(t *testing.T) {
	w := newWorld(t, func(l *Limits) { l.AnswerBytes, l.UnreadBytes = 50, 100 })
	one, other := AddressOf(w.connects("10.0.0.1")), AddressOf(w.connects("10.0.0.2"))
	before := one.Share().Bytes()
	a, b, c := w.NewAnswer(one), w.NewAnswer(one), w.NewAnswer(other)
	w.meets(a.Grow(51), LimitAnswerBytes)
	for _, to := range []int{20, 10, 30} {
		if err := a.Grow(to); err != nil {
			t.Error(err)
		}
	}
	if err := b.Grow(20); err != nil {
		t.Error(err)
	}
	w.meets(b.Grow(21), LimitUnreadBytes)
	if err := c.Grow(50); err != nil {
		t.Errorf("another address: %v", err)
	}
	w.meets(w.NewAnswer(AddressOf(w.connects("10.0.0.3"))).Grow(1), LimitUnreadBytes)
	if held := w.budget.Held("answers"); held != 100 || one.Share().Bytes() != before+50 {
		t.Errorf("%d bytes are held, %d of one", held, one.Share().Bytes()-before)
	}
	a.Release()
	if err := b.Grow(50); err != nil {
		t.Errorf("after an answer was read: %v", err)
	}
	b.Release()
	b.Release()
	c.Release()
	if w.budget.Held("answers") != 0 || w.unread.bytes != 0 || len(w.unread.of) != 0 {
		t.Errorf("left: %+v", &w.unread)
	}
}

func TestUnaryRequestsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(l *Limits) { l.Fetches = 1 })
		if err := w.AdmitFetch(t.Context()); err != nil {
			t.Fatal(err)
		}
		second := make(chan error, 1)
		go func() { second <- w.AdmitFetch(t.Context()) }()
		time.Sleep(w.limits.NewStreamWait - time.Second)
		w.ReleaseFetch()
		if err := <-second; err != nil {
			t.Error(err)
		}
		start := time.Now()
		if w.meets(w.AdmitFetch(t.Context()), LimitFetches); time.Since(start) != w.limits.NewStreamWait {
			t.Errorf("refused after %v", time.Since(start))
		}
	})
}

// A stream has its own rates; those of its address hold for all of its streams.
func TestNamesBeyondTheirRatesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(l *Limits) { l.FreshNames, l.NameChanges, l.NewStreamWait = 10, 10, 5*time.Second })
		conn := w.connects("10.0.0.1")
		open := func() (*Stream, *NameRates) {
			s := w.stream(t.Context(), conn)
			if err := s.Admit(t.Context()); err != nil {
				t.Fatal(err)
			}
			return s, s.NameRates()
		}
		took := func(wait func() error) time.Duration {
			t.Helper()
			start := time.Now()
			if err := wait(); err != nil {
				t.Error(err)
			}
			return time.Since(start)
		}
		s, rates := open()
		await := func(fresh, changed int) func() error {
			return func() error { return rates.Count(fresh, changed).Await(t.Context()) }
		}
		// 100 names of a type are allowed at once, and 400 changes.
		for _, c := range []struct {
			fresh, changed int
			want           time.Duration
		}{{100, 100, 0}, {20, 20, 2 * time.Second}, {0, 300, 0}, {0, 20, 2 * time.Second}, {0, 0, 0}} {
			if got := took(await(c.fresh, c.changed)); got != c.want {
				t.Errorf("%d fresh names and %d changes took %v, want %v", c.fresh, c.changed, got, c.want)
			}
		}
		if err := await(0, 60)(); err == nil || w.met(LimitNameChanges) != 0 {
			t.Errorf("%v, counted %d: that is up to the stream's end", err, w.met(LimitNameChanges))
		} else {
			w.meets(err, LimitNameChanges)
		}
		// An address has four times as many fresh names. A client that goes away instead of waiting for them gains nothing.
		gone, leave := context.WithCancel(t.Context())
		leave()
		for range 5 {
			_, rates = open()
			_ = rates.Count(100, 0).Await(gone)
		}
		if got := took(func() error { return s.AwaitNames(t.Context()) }); got != 100*time.Second/40 {
			t.Errorf("a stream of the address waits for %v", got)
		}
		if got := took(func() error { return s.AwaitNames(t.Context()) }); got != 0 {
			t.Errorf("it waits again: %v", got)
		}
	})
}

func TestRatesOfAnAddressAndOfAllAreMultiples(t *testing.T) {
	l := Limits{FreshNames: 3, NameChanges: 5, UnprovenBytes: 7, RefusedStreams: 2, NewStreamWait: time.Second}
	for name, c := range map[string]struct {
		is    *rate.Limiter
		rate  float64
		burst int
	}{
		"fresh names":   {freshNames(&l, 10, 4), 12, 40},
		"name changes":  {nameChanges(&l, 10, 200), 1000, 8000},
		"unproven":      {unprovenBytes(&l, 2), 14, 7},
		"refused":       {refusedStreams(&l, 10), 20, 20},
		"refused alone": {refusedStreams(&l, 1), 2, 2},
	} {
		if float64(c.is.Limit()) != c.rate || c.is.Burst() != c.burst {
			t.Errorf("%s: %v a second, %d at once, want %v and %d", name, c.is.Limit(), c.is.Burst(), c.rate, c.burst)
		}
	}
}

// Who changes so much that all have to wait for very long waits for a minute at a time.
func TestNoDebtOfNamesGrowsWithoutEnd(t *testing.T) {
	now := time.Now()
	l := Limits{FreshNames: 1}
	of := freshNames(&l, 100, 1)
	for range 50 {
		if wait := reserve(of, now, 1000); wait > 100*time.Second {
			t.Fatalf("it waits for %v", wait)
		}
	}
	if wait := reserve(of, now, 1); wait != maxDebt {
		t.Errorf("it waits for %v", wait)
	}
	if left := debt(of, now); left > maxDebt+100*time.Second {
		t.Errorf("%v are owed", left)
	}
}
