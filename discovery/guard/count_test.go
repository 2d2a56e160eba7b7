package guard

import (
	"testing"
	"time"

	"legate/discovery/catalog"
)

func TestTheDefaultsAreWhatTheDocumentationSays(t *testing.T) {
	want := Config{
		Confirm: 10 * time.Second, Empty: 60 * time.Second, DatacenterHold: 60 * time.Minute, Window: 60 * time.Second, Reread: 300 * time.Second,
		Shrink: Limit{From: 4, Percent: 50}, Catalog: Limit{From: 20, Percent: 15}, Datacenter: Limit{From: 10, Percent: 50}, MassCritical: "believe",
	}
	if got := DefaultConfig(); got != want || got.Validate() != nil {
		t.Errorf("%+v, want %+v: %v", got, want, got.Validate())
	}
}

// What a service loses counts once: as its own loss, and not as one beside it.
func TestALossIsNotCountedTwice(t *testing.T) {
	w := worldOf(t, DefaultConfig(), 31, 3)
	w.has(40, 0, 8)
	w.has(0, 0, 2)
	w.has(1, 0, 2)
	w.has(40, 0, 0) // 10 of 101: counted twice it would be much of the datacenter
	if took := w.until("gone", func() bool { return w.size(40) == 0 }); took != 10 {
		t.Errorf("gone after %d s, want 10: nothing takes its evidence away", took)
	}
}

// What others hold counts as lost.
func TestWhatIsHeldOfOthersCounts(t *testing.T) {
	w := worldOf(t, DefaultConfig(), 10, 2)
	w.has(0, 0, 0)
	w.has(1, 0, 0)
	w.is("two lose all", 2, 2, Emptied, Emptied)
	w.has(2, 0, 1) // 5 of 20
	w.is("a third loses one", 2, 2, Emptied, Emptied, CatalogShrunk)
}

// Who turns critical in the answer that takes something away counts on neither side of the datacenter.
func TestHealthThatChangesWithALossIsNoPartOfIt(t *testing.T) {
	for lose, want := range map[int]bool{1: false, 2: true} {
		w := worldOf(t, DefaultConfig(), 10, 2)
		w.has(40, 0, 10)
		w.has(0, 0, 1)
		w.has(1, 0, 1)
		w.hears(40, sick(some(40, 0, 10-lose), 0, 6)) // 24 are left, of which 3 are calm and 4 are much
		if h := w.g.Holds(); (len(h) > 0) != want {
			t.Errorf("%d go, and six turn critical: %+v", lose, h)
		}
	}
}

// A service of which something is reaped that took no traffic has lost nothing, and so does not make
// another's loss one of the datacenter. Nor does one that lost something long ago.
func TestWhoHasLostNothingLately(t *testing.T) {
	for what, do := range map[string]func(w *world, n int){
		"what took no traffic": func(w *world, n int) {
			w.hears(n, sick(some(n, 0, 2), 1, 2))
			w.has(n, 0, 1)
		},
		"what others replaced": func(w *world, n int) { w.has(n, 1, 3) },
		"long ago": func(w *world, n int) {
			w.has(n, 0, 1)
			w.pass(70 * time.Second)
		},
	} {
		w := worldOf(t, DefaultConfig(), 10, 2)
		w.has(40, 0, 10)
		for n := range 4 {
			do(w, n)
		}
		w.has(40, 0, 5)
		w.is(what, 40, 5)
	}
}

// What is left after a loss that was believed, in whatever way, is the new whole.
func TestWhatIsLeftIsTheNewWhole(t *testing.T) {
	for what, do := range map[string]func(w *world){
		"it is confirmed": func(w *world) { w.pass(10 * time.Second) },
		"it is released":  func(w *world) { w.step(Released{"svc-000"}) },
		"all is released": func(w *world) { w.step(Released{}) },
	} {
		w := worldOf(t, DefaultConfig(), 10, 10)
		w.has(0, 0, 4)
		w.is(what, 0, 10, Shrunk)
		do(w)
		w.is(what, 0, 4)
		w.has(0, 0, 2)
		w.is(what+", and half of the rest goes", 0, 2)
	}
	w := worldOf(t, DefaultConfig(), 10, 4)
	for n := range 5 {
		w.has(n, 0, 3)
	}
	w.has(40, 0, 9)
	w.step(Released{})
	w.has(40, 0, 1) // who lost something before the release is none of those that lose now
	w.is("most of one service", 40, 9, Shrunk)
	w = worldOf(t, DefaultConfig(), 10, 4)
	w.has(40, 0, 20)
	for n := range 5 {
		w.has(n, 0, 3)
	}
	w.step(Released{})
	w.has(40, 0, 11) // 9 of 55
	w.is("much of the datacenter, by one service", 40, 11)
}

// What the operator takes back, and what is not followed any more, was not lost.
func TestWhatGoesByHandIsNoLoss(t *testing.T) {
	for what, by := range map[string]Observation{
		"not followed": Unfollowed{}, "not selected": Reselected{Selection: catalog.Selection{Tags: []string{"none"}}},
	} {
		w := worldOf(t, DefaultConfig(), 20, 2)
		for n := range 10 {
			switch o := by.(type) {
			case Unfollowed:
				o.Key = key(n)
				w.step(o)
			case Reselected:
				o.Key = key(n)
				w.step(o)
			}
		}
		for n := 10; n < 13; n++ { // 3 of 20
			w.has(n, 0, 1)
		}
		if n := w.all(); n != 17 || len(w.g.Holds()) != 0 {
			t.Errorf("%s: %d instances are served, want 17; held is %+v", what, n, w.g.Holds())
		}
	}
}

// An odd answer that takes nothing away on the whole is believed, whatever was lost before.
func TestAnOddAnswerThatTakesNothingAway(t *testing.T) {
	w := worldOf(t, DefaultConfig(), 10, 10)
	w.has(0, 0, 6)
	w.hears(0, some(0, 1, 7), func(a *Answered) { a.Doubt = true })
	w.is("another came for the one that went", 0, 6)
	w.hears(0, some(0, 1, 6), func(a *Answered) { a.Doubt = true })
	w.is("one goes", 0, 6, Doubted)
}

// What was believed before the start is lost like anything else.
func TestWhatTheSeedHasIsGuarded(t *testing.T) {
	w := worldOf(t, DefaultConfig(), 0, 0)
	for n := range 20 {
		w.step(Seeded{key(n), some(n, 0, 2)})
	}
	for n := range 20 {
		w.has(n, 0, 0)
	}
	w.pass(time.Minute)
	if h := w.g.Holds(); w.all() != 40 || len(h) != 20 || h[0].Why != DatacenterLost {
		t.Errorf("%d instances are served, want all 40; held is %+v", w.all(), h)
	}
}

// Whoever shows what is held is told when that changes.
func TestAChangeOfWhatIsHeldIsTold(t *testing.T) {
	w := worldOf(t, DefaultConfig(), 10, 8)
	tags := func(all []catalog.Instance) []catalog.Instance {
		for i := range all {
			all[i].Tags = []string{"v1"}
		}
		return all
	}
	w.hears(0, tags(some(0, 0, 8)))
	for _, c := range []struct {
		name string
		do   func() Decision
		want bool
	}{
		{"nothing is held", func() Decision { return w.step(Elapsed{}) }, false},
		{"an answer that loses nothing", func() Decision { return w.has(1, 0, 9) }, false},
		{"a hold", func() Decision { return w.hears(0, tags(some(0, 0, 1))) }, true},
		{"its time passes", func() Decision { return w.step(Elapsed{}) }, true},
		{"the operator selects otherwise", func() Decision { return w.step(Reselected{key(0), catalog.Selection{Tags: []string{"v1"}}}) }, true},
		{"of another service", func() Decision { return w.step(Reselected{key(1), catalog.Selection{}}) }, false},
		{"it is released", func() Decision { return w.step(Released{}) }, true},
	} {
		d := c.do()
		if d.HoldsChanged != c.want {
			t.Errorf("%s: %+v", c.name, d)
		}
		if c.name == "its time passes" && len(d.Serve) > 0 {
			t.Errorf("%s: what is served already is served again: %+v", c.name, d.Serve)
		}
	}
}
