package guard

import (
	"slices"
	"testing"
	"time"

	"legate/discovery/catalog"
)

func TestALossThatIsNotSuspiciousIsBelievedAtOnce(t *testing.T) {
	w := worldOf(t, DefaultConfig(), 10, 9)
	for n := range 9 { // a rolling deploy
		w.has(0, n, 10+n)
		w.is("a new one comes", 0, 10)
		w.has(0, n+1, 10+n)
		w.is("an old one goes", 0, 9)
		w.pass(2 * time.Second)
	}
	w.has(0, 9, 14)
	w.is("not more than half goes", 0, 5)
	w.has(0, 20, 25)
	w.is("all are others", 0, 5)
	if len(w.ended) > 0 || w.looks > 0 {
		t.Errorf("%v ended, and %d second looks were taken", w.ended, w.looks)
	}
}

func TestASuspiciousLossIsHeldUntilTwoReadsAgree(t *testing.T) {
	w := worldOf(t, DefaultConfig(), 10, 3)
	w.has(0, 0, 9)
	w.has(0, 0, 3)
	w.is("most goes", 0, 9, Shrunk)
	if h := w.g.Holds()[0]; h.Key != key(0) || h.Kept != 6 || h.Served != 9 || h.Deselected != 0 || !h.Since.Equal(w.now) || !h.Until.Equal(w.now.Add(10*time.Second)) {
		t.Errorf("%+v", h)
	}
	w.has(0, 0, 2) // the third is missed for less long than the six
	w.hears(0, sick(some(0, 0, 4), 0, 1))
	w.is("health and additions go on", 0, 9, Shrunk)
	if w.served[key(0)][0].Health != catalog.Critical {
		t.Error("the health of what is there is not served")
	}
	w.pass(9 * time.Second)
	w.is("too early", 0, 9, Shrunk)
	w.pass(time.Second)
	w.is("a second look agrees", 0, 4)
	if !slices.Equal(w.ended, []string{"confirmed"}) || w.looks != 1 {
		t.Errorf("%v ended after %d looks", w.ended, w.looks)
	}
}

func TestWhatWasMissedForLessLongGoesLater(t *testing.T) {
	w := worldOf(t, DefaultConfig(), 20, 3)
	w.has(0, 0, 10)
	w.has(0, 0, 4)
	w.pass(5 * time.Second)
	w.has(0, 0, 3)
	if took := w.until("six are gone", func() bool { return w.size(0) == 4 }); took != 5 {
		t.Errorf("the six went after 5 s and %d s", took)
	}
	w.is("the seventh is held", 0, 4, Shrunk)
	if took := w.until("it is gone", func() bool { return w.size(0) == 3 }); took != 5 {
		t.Errorf("the seventh went %d s after them", took)
	}
}

func TestOnlyTheLeadersWordConfirms(t *testing.T) {
	w := worldOf(t, DefaultConfig(), 10, 8)
	w.mute = true
	w.hears(0, some(0, 0, 1), func(a *Answered) { a.Consistent = false })
	w.pass(30 * time.Second)
	w.hears(0, some(0, 0, 1), func(a *Answered) { a.Consistent = false })
	w.pass(30 * time.Second)
	w.is("no leader was asked", 0, 8, Shrunk)
	w.has(0, 0, 1)
	w.pass(30 * time.Second)
	w.is("a leader said it once", 0, 8, Shrunk)
	w.has(0, 0, 1)
	w.is("and twice", 0, 1)
}

func TestLastInstances(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(w *world)
		took   int
		ended  string
	}{
		{"with evidence", func(*world) {}, 10, "evident"},
		{"the list was not read", func(w *world) { w.list.List = false }, 60, "confirmed"},
		{"policies hide a part", func(w *world) { w.list.Filtered = true }, 60, "confirmed"},
		{"the list has it", func(w *world) { w.list.Listed = true }, 60, "confirmed"},
		{"the list lacks a few others", func(w *world) { w.list.Missing = 2 }, 10, "evident"},
		{"the list lacks 3 of 20", func(w *world) { w.list.Missing = 3 }, 10, "evident"},
		{"the list lacks 3 of 19", func(w *world) { w.list.Missing, w.list.All = 3, 19 }, 60, "confirmed"},
		{"the list lacks 4 of 20", func(w *world) { w.list.Missing = 4 }, 60, "confirmed"},
		{"the index did not move", func(w *world) {
			w.has(0, 0, 2)
			w.hears(0, nil, func(a *Answered) { a.Moved = false })
		}, 60, "confirmed"},
		{"it moved before", func(w *world) { w.hears(0, nil, func(a *Answered) { a.Moved = false }) }, 10, "evident"},
		{"an index went back", func(w *world) { w.step(IndexWentBack{}) }, 60, "confirmed"},
		{"much of the datacenter goes", func(w *world) {
			for n := 1; n < 6; n++ {
				w.has(n, 0, 1)
			}
		}, 60, "confirmed"},
		{"it lives on under other names", func(w *world) { w.list, w.elsewhere = &Second{}, true }, 10, "evident"},
		{"it does, and the index went back", func(w *world) {
			w.list, w.elsewhere = &Second{}, true
			w.step(IndexWentBack{})
		}, 60, "confirmed"},
	} {
		w := worldOf(t, DefaultConfig(), 20, 2)
		w.has(0, 0, 0)
		w.is(c.name, 0, 2, Emptied)
		c.change(w)
		w.ended = nil
		took := w.until(c.name, func() bool { return w.size(0) == 0 })
		if took != c.took || !slices.Contains(w.ended, c.ended) {
			t.Errorf("%s: gone after %d s (%v), want %d s (%s)", c.name, took, w.ended, c.took, c.ended)
		}
	}
}

// The list of services is read with a second look where it may be evidence.
func TestWhenTheListIsWanted(t *testing.T) {
	still := func(a *Answered) { a.Moved = false }
	w := worldOf(t, DefaultConfig(), 20, 8)
	w.has(0, 0, 0)
	w.has(1, 0, 1)
	w.hears(2, nil, still)
	for n, want := range []bool{true, false, false, false} {
		if got := w.g.WantsList(key(n)); got != want {
			t.Errorf("%d: the list is wanted: %v", n, got)
		}
	}
	if w.g.WantsList(key(99)) || w.g.Held(key(99)) || w.g.Held(key(3)) || !w.g.Held(key(1)) {
		t.Error("held are three services")
	}
}

// A doubt ends when the leader has said the same twice, or says something that is not odd.
func TestWhatAnOddAnswerTakesAwayMustBeSaidTwice(t *testing.T) {
	odd := func(a *Answered) { a.Doubt = true }
	w := worldOf(t, DefaultConfig(), 10, 8)
	w.hears(0, some(0, 0, 7), odd)
	w.is("in doubt", 0, 8, Doubted)
	w.look(key(0))
	w.is("a look agrees at once", 0, 8, Doubted)
	w.pass(10 * time.Second)
	w.is("a look agrees later", 0, 7)
	w.hears(0, some(0, 0, 6), odd)
	w.has(0, 0, 6)
	w.is("an answer that is not odd", 0, 6)
	if !slices.Equal(w.ended, []string{"confirmed", "replaced"}) {
		t.Error(w.ended)
	}
}

func TestWhatComesBackWasNeverGone(t *testing.T) {
	w := worldOf(t, DefaultConfig(), 10, 2)
	w.has(0, 0, 0)
	w.pass(5 * time.Second)
	w.has(0, 0, 2)
	w.is("it is back", 0, 2)
	w.has(0, 0, 0)
	w.pass(9 * time.Second)
	w.is("it is missed from the start when it goes again", 0, 2, Emptied)
	w.has(0, 10, 12)
	w.is("others come in its place", 0, 2)
	if !slices.Equal(w.ended, []string{"returned", "replaced"}) {
		t.Error(w.ended)
	}
}

// The minute for which a service's last instances are kept begins when the last one goes.
func TestTheMinuteOfTheLastInstancesBeginsWhenTheyGo(t *testing.T) {
	w := worldOf(t, DefaultConfig(), 10, 8)
	w.list = &Second{}
	w.mute = true
	w.has(0, 0, 1)
	w.pass(40 * time.Second)
	w.mute = false
	w.hears(0, sick(some(0, 0, 1), 0, 1))
	w.pass(30 * time.Second)
	w.has(0, 0, 0)
	if took := w.until("gone", func() bool { return w.size(0) == 0 }); took != 30 {
		t.Errorf("it went %d s after the one that was left turned critical and 30 s, want a minute in all", took)
	}
}

func TestErosionIsSummedUp(t *testing.T) {
	w := worldOf(t, DefaultConfig(), 100, 3)
	for n := range 60 {
		w.has(n, 0, 2)
	}
	if n := w.all(); n != 255 {
		t.Errorf("%d of 300 instances are served at once, want 255", n)
	}
	w.pass(10 * time.Second)
	if n := w.all(); n != 240 {
		t.Errorf("%d of 300 instances are served later, want 240", n)
	}
	w.pass(time.Minute + time.Second)
	for n := range 36 { // it is forgotten after Window
		w.has(n, 0, 1)
	}
	if n := w.all(); n != 204 {
		t.Errorf("%d of 240 instances are served a minute later, want 204", n)
	}
	w = worldOf(t, DefaultConfig(), 100, 3)
	for n := range 60 {
		w.has(n, 0, 2)
		w.pass(2 * time.Second) // 30 in a minute
	}
	if n := w.all(); n != 240 {
		t.Errorf("%d instances are served, want 240: all was slow enough", n)
	}
}

// lost is a datacenter of which all is gone, and has been held for half a minute.
func lost(t *testing.T, cfg Config, services, instances int) *world {
	w := worldOf(t, cfg, services, instances)
	for n := range services {
		w.has(n, 0, 0)
	}
	w.pass(30 * time.Second)
	if n := w.all(); n != services*instances {
		t.Fatalf("%d instances are served after the loss, want all %d", n, services*instances)
	}
	return w
}

func TestTheLossOfMostIsHeldForAnHour(t *testing.T) {
	w := lost(t, DefaultConfig(), 20, 2)
	w.pass(time.Hour - 31*time.Second)
	if n := w.all(); n != 40 || w.g.Holds()[0].Why != DatacenterLost {
		t.Errorf("%d instances are served after an hour, want all 40: %+v", n, w.g.Holds()[0])
	}
	w.pass(time.Second)
	if n := w.all(); n != 0 || len(w.ended) != 20 || slices.ContainsFunc(w.ended, func(e string) bool { return e != "expired" }) {
		t.Errorf("%d instances are served after it, want none: %v", n, w.ended)
	}
}

func TestASmallDatacenterIsHeldAfterItsIndexWentBack(t *testing.T) {
	for _, c := range []struct {
		after  time.Duration
		reread time.Duration
		why    Reason
		holds  time.Duration
	}{
		{0, 5 * time.Minute, DatacenterLost, 59 * time.Minute},
		{5*time.Minute - 1, 5 * time.Minute, DatacenterLost, 59 * time.Minute},
		{5 * time.Minute, 5 * time.Minute, Emptied, 9 * time.Second},
		{time.Minute - 1, 0, DatacenterLost, 59 * time.Minute}, // Window at least
		{time.Minute, 0, Emptied, 9 * time.Second},
	} {
		cfg := DefaultConfig()
		cfg.Reread = c.reread
		w := worldOf(t, cfg, 2, 3)
		w.step(IndexWentBack{})
		w.pass(c.after)
		w.has(0, 0, 0)
		w.has(1, 0, 0)
		w.pass(c.holds)
		if h := w.g.Holds(); len(h) != 2 || h[1].Why != c.why || w.all() != 6 {
			t.Errorf("%v after the index went back: %d instances, %+v", c.after, w.all(), h)
		}
		w.pass(2 * time.Minute)
		if n := w.all(); n != 0 {
			t.Errorf("%v after the index went back: %d instances in the end", c.after, n)
		}
	}
}

func TestWhatComesBackSlowlyAfterAMassLossIsWaitedFor(t *testing.T) {
	w := lost(t, DefaultConfig(), 12, 5)
	for n := range 10 {
		w.pass(100 * time.Second)
		w.has(n, 0, 5)
		if got := w.all(); got != 60 {
			t.Fatalf("%d instances are served when %d of 12 services are back, want all 60", got, n+1)
		}
	}
	w.pass(100 * time.Second)
	if h := w.g.Holds(); len(h) != 2 || h[0].Why != Emptied || h[0].Until.Sub(w.now) != 20*time.Second {
		t.Errorf("holds %+v, want the two that are not back, for 20 seconds more", h)
	}
	if took := w.until("the rest is gone", func() bool { return w.all() == 50 }); took != 20 {
		t.Errorf("it went %d s after 100, want two minutes in all", took)
	}
}

func TestWhatIsNotBackInTimeIsGone(t *testing.T) {
	cfg := DefaultConfig()
	cfg.DatacenterHold = 10 * time.Minute
	w := lost(t, cfg, 30, 1)
	for n := range 22 {
		if n > 16 {
			w.pass(100 * time.Second)
		}
		w.has(n, 0, 1)
	}
	if took := w.until("the rest is gone", func() bool { return w.all() == 22 }); took != 70 {
		t.Errorf("it went %d s after the loss, want 10 minutes", took+530)
	}
}

// Beside what is waited for, what goes anew goes for itself; and what comes back makes others wait.
func TestWhatGoesBesideWhatIsWaitedForGoesForItself(t *testing.T) {
	w := lost(t, DefaultConfig(), 10, 10)
	w.has(0, 0, 9)
	for n := 1; n < 10; n++ {
		w.has(n, 0, 10)
	}
	w.pass(time.Second)
	w.is("one is not back", 0, 10, CatalogShrunk)
	w.has(0, 1, 9)
	w.is("another goes", 0, 9, CatalogShrunk)
	w.has(0, 2, 10)
	w.is("it is back as another goes", 0, 8)
	if !slices.Contains(w.ended, "returned") {
		t.Error(w.ended)
	}
}

func TestASmallLossBesideAMassLossIsOneOfItsOwn(t *testing.T) {
	for of, waits := range map[int]bool{4: false, 2: true} { // one of five is small, three of five are not
		w := worldOf(t, DefaultConfig(), 12, 5)
		for n := range 10 {
			w.has(n, 0, 0)
		}
		w.has(10, 0, of)
		w.pass(30 * time.Second)
		w.is("while most is gone", 10, 5, slices.Repeat([]Reason{DatacenterLost}, 11)...)
		for n := range 10 {
			w.has(n, 0, 5)
		}
		w.pass(15 * time.Second)
		if got := w.size(10); (got == 5) != waits {
			t.Errorf("%d of 5 instances are left, and %d are served after the others are back", of, got)
		}
	}
}

// Who lied may stop lying without a word.
func TestWhatComesBackAfterAMassLossWithoutAWordIsToldApart(t *testing.T) {
	w := lost(t, DefaultConfig(), 20, 2)
	w.pass(30 * time.Second)
	before := w.looks
	w.pass(20 * time.Second)
	if n := w.looks - before; n != 20 {
		t.Errorf("%d second looks in 20 s, want one at each", n)
	}
	for n := range 20 {
		w.says[key(n)] = some(n, 0, 2)
	}
	w.pass(time.Second)
	if w.loud != 1 {
		t.Errorf("a look saw that something is back, and it is unheard %d times", w.loud)
	}
	w.has(5, 0, 2)
	if w.loud != 1 {
		t.Error("an answer that a query waited for is no surprise")
	}
	w = worldOf(t, DefaultConfig(), 20, 2)
	w.has(0, 0, 0)
	w.says[key(0)] = some(0, 0, 2)
	w.pass(10 * time.Second)
	if w.loud != 0 || len(w.g.Holds()) != 0 {
		t.Errorf("one service is back: unheard %d times, holds %+v", w.loud, w.g.Holds())
	}
}

// A look that had no answer is tried again, the one that was tried longest ago first.
func TestTheOrderOfLooks(t *testing.T) {
	w := worldOf(t, DefaultConfig(), 20, 8)
	w.mute = true
	for _, n := range []int{2, 1, 0} {
		w.has(n, 0, 1)
		w.now = w.now.Add(time.Second)
	}
	w.now = w.now.Add(7 * time.Second)
	ask := func(want ...catalog.ServiceKey) {
		t.Helper()
		if got := w.step(Elapsed{}).Ask; !slices.Equal(got, want) {
			t.Errorf("%v are asked for, want %v", got, want)
		}
	}
	ask(key(2))
	w.now = w.now.Add(2 * time.Second)
	ask(key(0), key(1), key(2))
	w.step(Asked{key(0)})
	w.step(Asked{key(9)})
	ask(key(1), key(2))
	w.now = w.now.Add(time.Second)
	ask(key(1), key(2), key(0))
}

func TestARelease(t *testing.T) {
	w := lost(t, DefaultConfig(), 20, 2)
	w.has(15, 0, 2)
	w.step(Released{"svc-003"})
	if len(w.g.Holds()) != 18 || w.size(3) != 0 || w.all() != 38 {
		t.Errorf("one was released: %d instances, %d holds", w.all(), len(w.g.Holds()))
	}
	if d := w.step(Released{"nobody"}); len(d.Ended) > 0 || w.all() != 38 {
		t.Errorf("nobody was released: %+v", d)
	}
	if d := w.step(Released{}); len(d.Ended) != 18 || !d.HoldsChanged || w.all() != 2 || len(w.g.Holds()) != 0 {
		t.Errorf("all was released: %d instances, %d holds, %d ended", w.all(), len(w.g.Holds()), len(d.Ended))
	}
	for n := 4; n < 8; n++ {
		w.has(n, 0, 6)
	}
	for n := 4; n < 7; n++ { // 3 of 26: what was released counts no more
		w.has(n, 0, 5)
	}
	if n := w.all(); n != 23 || len(w.g.Holds()) != 0 {
		t.Errorf("%d instances are served, want 23", n)
	}
}

func TestTheOperatorsSelectionActsAtOnce(t *testing.T) {
	tags := func(all []catalog.Instance, tag ...string) []catalog.Instance {
		for i := range all {
			all[i].Tags = []string{tag[i%len(tag)]}
		}
		return all
	}
	a, b, c := catalog.Selection{Tags: []string{"a"}}, catalog.Selection{Tags: []string{"b"}}, catalog.Selection{Tags: []string{"c"}}
	w := worldOf(t, DefaultConfig(), 10, 2)
	w.hears(0, tags(some(0, 0, 8), "a", "b"))
	w.hears(0, tags(some(0, 0, 2), "a", "b"))
	w.is("most is held", 0, 8, Shrunk)
	w.step(Reselected{key(0), a})
	w.is("half of what is held", 0, 4, Shrunk)
	w.step(Reselected{key(0), c})
	w.is("nothing", 0, 0)
	w.step(Reselected{key(0), b})
	w.is("what is not held any more", 0, 1)
	w.step(Reselected{key(0), catalog.Selection{}})
	w.is("all", 0, 2)
	if !slices.Equal(w.ended, []string{"dropped"}) {
		t.Error(w.ended)
	}
	for n := 1; n < 9; n++ { // most of the datacenter goes by hand: that is no loss that counts
		w.step(Reselected{key(n), c})
	}
	w.has(9, 0, 1)
	w.is("another loss", 9, 1)

	w.step(Seeded{key(20), tags(some(20, 0, 4), "a", "b")})
	w.step(Reselected{key(20), a})
	w.is("of a seed", 20, 2)
	w.hears(20, tags(some(20, 0, 1), "a"))
	w.hears(20, nil)
	w.is("then it is lost", 20, 1, Emptied)
	w.step(Unfollowed{key(20)})
	w.is("not followed", 20, 0)
	if !slices.Equal(w.ended, []string{"dropped", "dropped"}) {
		t.Error(w.ended)
	}
}

// Of what is held some may be there without the tags that select it.
func TestAHoldKnowsWhatOnlyLostItsTags(t *testing.T) {
	w := worldOf(t, DefaultConfig(), 10, 8)
	w.hears(0, some(0, 0, 4), func(a *Answered) { a.Selected = a.Said[:1] })
	if h := w.g.Holds(); len(h) != 1 || h[0].Kept != 7 || h[0].Deselected != 3 {
		t.Errorf("%+v", h)
	}
}

func TestWhatTookNoTrafficIsNoLoss(t *testing.T) {
	w := worldOf(t, DefaultConfig(), 12, 2)
	w.has(0, 0, 10)
	w.hears(0, sick(some(0, 0, 10), 1, 10))
	w.has(0, 0, 1)
	w.is("nine of ten were critical", 0, 1)
	w.has(0, 0, 10)
	w.hears(0, sick(some(0, 0, 9), 0, 6))
	w.is("one of ten goes, and six turn critical", 0, 9)
	w.hears(0, sick(some(0, 0, 8), 0, 6))
	w.is("one of three goes", 0, 8)
	w.pass(2 * time.Minute)
	w.hears(0, sick(some(0, 20, 30), 0, 10))
	w.is("what takes no traffic yet replaces nothing", 0, 18, Emptied)
	w.has(0, 20, 30)
	w.is("it takes traffic", 0, 10)
}
