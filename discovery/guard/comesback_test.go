package guard

import (
	"slices"
	"testing"
	"time"

	"legate/discovery/catalog"
)

// A service that was gone comes back one instance after another, as agents register them, or a peer imports them. What
// is still missing then is waited for. This is so for small services and for large ones.
func TestWhatComesBackBitByBitIsWaitedFor(t *testing.T) {
	for _, all := range []int{3, 8} {
		for _, c := range []struct {
			name string
			back func(w *world)
			took int // until the hold is over
			size int
			why  string
		}{
			{"the rest comes, too", func(w *world) { w.has(0, 0, 2); w.pass(8 * time.Second); w.has(0, 0, all) }, 0, all, "returned"},
			{"the rest does not come", func(w *world) { w.has(0, 0, 2) }, 10, 2, "confirmed"},
			{"others come in its place", func(w *world) {
				w.has(0, 0, 2)
				w.says[key(0)] = append(some(0, 0, 2), some(0, 80, 81)...)
			}, 10, 3, "confirmed"},
			{"it comes bit by bit", func(w *world) {
				w.has(0, 0, 1)
				w.pass(9 * time.Second)
				w.has(0, 0, 2)
			}, 10, 2, "confirmed"},
			{"it is critical at first", func(w *world) {
				w.hears(0, sick(some(0, 0, 1), 0, 1))
				w.pass(4 * time.Second)
				w.has(0, 0, 1)
			}, 6, 1, "confirmed"},
			{"others come, and none of those that were lost", func(w *world) { w.has(0, 80, 81) }, 0, 1, map[bool]string{true: "replaced", false: "confirmed"}[all == 3]},
		} {
			w := gone(t, all)
			c.back(w)
			took := w.until(c.name, func() bool { return len(w.g.Holds()) == 0 })
			if took != c.took || w.size(0) != c.size || !slices.Equal(w.ended, []string{c.why}) {
				t.Errorf("%s, of %d: after %d s there are %d instances (%v), want %d after %d s (%s)", c.name, all, took, w.size(0), w.ended, c.size, c.took, c.why)
			}
		}
	}
}

// gone is a datacenter with a service of so many instances of which all has been gone for 20 seconds, as was confirmed
// long ago. Nothing says that somebody deregistered it.
func gone(t *testing.T, instances int) *world {
	w := worldOf(t, DefaultConfig(), 10, instances)
	w.list = &Second{}
	w.has(0, 0, 0)
	w.pass(20 * time.Second)
	w.is("all is gone", 0, instances, Emptied)
	return w
}

// flaps lets an instance of service 0 come and go for so long. The others are not there.
func (w *world) flaps(n int, there, away, lasts time.Duration) {
	for end := w.now.Add(lasts); w.now.Before(end); {
		w.has(0, n, n+1)
		w.pass(there)
		w.has(0, 0, 0)
		w.pass(away)
	}
}

// One that comes and goes all the time says nothing of the others, from its second time on.
func TestAFlappingInstanceDoesNotKeepTheOthers(t *testing.T) {
	for _, all := range []int{2, 3, 4, 8} {
		for _, c := range []struct{ there, away time.Duration }{
			{3 * time.Second, 3 * time.Second}, {time.Second, 30 * time.Second}, {9 * time.Second, time.Second}, {time.Second, 59 * time.Second},
		} {
			w := gone(t, all)
			w.flaps(1, c.there, c.away, 2*(c.there+c.away)+10*time.Second)
			if w.has(0, 1, 2); w.size(0) != 1 || len(w.g.Holds()) > 0 {
				t.Errorf("one of %d is there for %v and away for %v: %d are served, want it alone; held is %+v", all, c.there, c.away, w.size(0), w.g.Holds())
			}
		}
	}
}

// One after another comes once, and goes again: each makes the one that never came wait once, and then it goes.
func TestEachMakesTheOthersWaitOnce(t *testing.T) {
	for _, all := range []int{3, 4, 8} {
		w := gone(t, all)
		last := some(0, all-1, all)
		serves := func() bool { return len(catalog.Common(last, w.served[key(0)])) == 1 }
		for n := range all - 1 {
			w.flaps(n, time.Second, 8*time.Second, time.Second)
			if !serves() {
				t.Errorf("of %d one more came back 8 s ago, the %dth, and the one that never came is not served any more", all, n+1)
			}
		}
		w.flaps(0, time.Second, 8*time.Second, time.Second)
		if w.has(0, 0, 1); serves() {
			t.Errorf("of %d each has come back but one, which is served: %+v", all, w.g.Holds())
		}
	}
}

// What comes back and goes, while others are waited for, goes for itself.
func TestWhatCameBackGoesForItself(t *testing.T) {
	w := gone(t, 3)
	w.has(0, 0, 2)
	w.has(0, 0, 1)
	w.is("another one of three goes", 0, 2, Shrunk)
	w.pass(9 * time.Second)
	w.is("the one that never came back is waited for", 0, 2, Shrunk)
	w.pass(time.Second)
	w.is("and not for longer", 0, 1)
}

// Where the last instances alone are suspicious, none of them is waited for when one is back.
func TestWithoutConfirmationNoRestIsWaitedFor(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Confirm = 0
	w := worldOf(t, cfg, 10, 3)
	w.has(0, 0, 0)
	w.hears(0, some(0, 0, 1), func(a *Answered) { a.Consistent = false })
	w.is("one is back", 0, 1)
}

// Nor does one that comes and goes keep what a mass loss took away: the time for that begins once.
func TestAFlappingInstanceDoesNotProlongAMassLoss(t *testing.T) {
	w := lost(t, DefaultConfig(), 12, 3)
	for n := 1; n < 12; n++ {
		w.has(n, 0, 3)
	}
	began := w.now.Add(-30 * time.Second)
	w.flaps(0, 30*time.Second, 70*time.Second, 58*time.Minute)
	w.has(0, 0, 1)
	w.is("before the hour is over", 0, 3, CatalogShrunk)
	w.flaps(0, 30*time.Second, 70*time.Second, 2*time.Minute)
	w.has(0, 0, 1)
	if w.size(0) != 1 {
		t.Errorf("%d are served %v after the loss, want the one that is there: %+v", w.size(0), w.now.Sub(began), w.g.Holds())
	}
}

// What is held says since when, and that does not change when more goes. The minute of the last instances does.
func TestAHoldBeginsOnce(t *testing.T) {
	w := worldOf(t, DefaultConfig(), 10, 8)
	w.list = &Second{}
	began := w.now
	w.has(0, 0, 1)
	for range 2 {
		w.pass(4 * time.Second)
		w.has(0, 0, 0)
		if h := w.g.Holds(); len(h) != 1 || !h[0].Since.Equal(began) || !h[0].Until.Equal(w.now.Add(time.Minute)) {
			t.Errorf("%+v, want one since %v, for a minute from when the last one went", h, began)
		}
		w.pass(4 * time.Second)
		w.has(0, 0, 1)
	}
}

// What is lost is told apart from what came back.
func TestWhatNeverCameBack(t *testing.T) {
	h := lostAt(Emptied, at(1), at(1), at(1))
	is := func(when string, want, missed []catalog.Instance) {
		t.Helper()
		var are []catalog.Instance
		for _, i := range instances("a", "b", "c") {
			if _, is := h.missed[i.Key()]; is {
				are = append(are, i)
			}
		}
		same := func(a, b catalog.Instance) bool { return a.Key() == b.Key() }
		if !slices.EqualFunc(h.rest, want, same) || !slices.EqualFunc(are, missed, same) {
			t.Errorf("%s: %v never came back, want %v; %v are missed, want %v", when, h.rest, want, are, missed)
		}
	}
	all := instances("a", "b", "c")
	h.lacks(all)
	is("nothing comes back", nil, all)
	h.lacks(instances("a", "c"))
	is("one does, and the others are missed anew", instances("a", "c"), instances("b"))
	h.keep(all)
	h.agree(at(2))
	h.lacks(instances("a", "c"))
	is("it went, and does so again", instances("a", "c"), all)
	h.keep(instances("a", "c"))
	h.lacks(instances("c"))
	is("the next one", instances("c"), instances("a"))
	h = lostAt(Shrunk, at(1), at(1), at(1))
	h.lacks(instances("a"))
	is("some were left all the time", nil, all)
}
