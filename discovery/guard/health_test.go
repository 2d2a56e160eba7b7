package guard

import (
	"testing"
	"time"

	"legate/discovery/catalog"
)

// healths are how many instances are served in each state.
func (w *world) healths() (passing, critical int) {
	for _, all := range w.served {
		for _, i := range all {
			switch i.Health {
			case catalog.Passing:
				passing++
			case catalog.Critical:
				critical++
			}
		}
	}
	return passing, critical
}

// mass fails unless most of the datacenter is critical, or not, and so many instances are served as passing.
func (w *world) mass(what string, is bool, passing int) {
	w.t.Helper()
	if m, got := w.g.Mass(); got != is {
		w.t.Errorf("%s: a mass is %v, want %v: %+v", what, got, is, m)
	}
	if got, _ := w.healths(); got != passing {
		w.t.Errorf("%s: %d instances are served as passing, want %d", what, got, passing)
	}
}

func TestMostOfADatacenterTurnsCriticalAtOnce(t *testing.T) {
	for policy, masked := range map[string]int{Believe: 0, ServeAll: 32} {
		cfg := DefaultConfig()
		cfg.MassCritical = policy
		w := worldOf(t, cfg, 20, 2)
		w.hears(19, sick(some(19, 0, 2), 0, 2))
		w.pass(2 * time.Minute)
		for n := range 10 {
			w.hears(n, sick(some(n, 0, 2), 0, 2))
		}
		w.mass(policy+": half", false, 18)
		w.hears(10, sick(some(10, 0, 2), 0, 2))
		began := w.now
		w.mass(policy+": most", true, 16+masked/32*22)
		for n := 11; n < 16; n++ {
			w.hears(n, sick(some(n, 0, 2), 0, 2))
		}
		w.pass(time.Hour)
		w.mass(policy+": an hour of that", true, 6+masked)
		if m, _ := w.g.Mass(); m != (Mass{Since: began, Of: 40, Critical: 34, Onsets: 32, Services: 16, Policy: policy}) {
			t.Errorf("%+v", m)
		}
		other := map[string]string{Believe: ServeAll, ServeAll: Believe}[policy]
		w.step(MassPolicy{other})
		w.mass(policy+": another policy", true, 6+32-masked)
		w.step(MassPolicy{policy})
		w.mass(policy+": the first one again", true, 6+masked)
		for n := range 6 {
			w.has(n, 0, 2)
		}
		w.mass(policy+": half is well again", false, 18)
		if m, _ := w.g.Mass(); m.Onsets != 20 || m.Of != 40 {
			t.Errorf("%+v", m)
		}
	}
}

func TestWhatIsNoMass(t *testing.T) {
	slow := worldOf(t, DefaultConfig(), 20, 2)
	for n := range 20 {
		slow.hears(n, sick(some(n, 0, 2), 0, 2))
		slow.pass(8 * time.Second)
	}
	slow.mass("one after the other", false, 0)
	for n := range 20 { // another comes to each, and the first has long been critical
		slow.hears(n, sick(some(n, 0, 3), 0, 2))
	}
	slow.mass("long ago", false, 20)

	few := worldOf(t, DefaultConfig(), 4, 1)
	few.has(0, 0, 10)
	few.has(1, 0, 10)
	few.hears(0, sick(some(0, 0, 10), 0, 10))
	few.hears(1, sick(some(1, 0, 10), 0, 10))
	few.mass("two services", false, 2)
	few.hears(2, sick(some(2, 0, 1), 0, 1))
	few.mass("three services", true, 1)

	small := worldOf(t, DefaultConfig(), 9, 1)
	for n := range 9 {
		small.hears(n, sick(some(n, 0, 1), 0, 1))
	}
	small.mass("nine instances", false, 0)
	small.hears(9, sick(some(9, 0, 1), 0, 1))
	small.mass("new instances have always been critical", true, 0)
}

// What turns critical counts for a minute.
func TestTheWindowOfAMass(t *testing.T) {
	for after, want := range map[time.Duration]bool{time.Minute: true, time.Minute + time.Second: false} {
		w := worldOf(t, DefaultConfig(), 20, 1)
		for n := range 10 {
			w.hears(n, sick(some(n, 0, 1), 0, 1))
		}
		w.pass(after)
		w.hears(10, sick(some(10, 0, 1), 0, 1))
		w.mass(after.String(), want, 9)
	}
}

// Under serve-all, what turned critical goes on taking traffic, and its loss counts; what was critical
// before stays so.
func TestWhatIsServedAlthoughItIsCriticalIsLost(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MassCritical = ServeAll
	w := worldOf(t, cfg, 20, 2)
	w.hears(0, sick(some(0, 0, 2), 0, 1))
	w.pass(2 * time.Minute)
	for n := range 18 {
		w.hears(n, sick(some(n, 0, 2), 0, 2))
	}
	w.mass("most", true, 39)
	for n := range 18 {
		w.has(n, 0, 0)
	}
	w.pass(time.Second)
	w.mass("all of that goes", true, 39)
	if h := w.g.Holds(); len(h) != 18 || h[5].Why != DatacenterLost {
		t.Errorf("%d are held: %+v", len(h), h)
	}
	for n := range 18 {
		w.hears(n, sick(some(n, 0, 2), 0, 2))
	}
	w.mass("it is back, and critical", true, 39)
	for n := range 18 {
		w.step(Unfollowed{key(n)})
	}
	w.mass("nobody follows it", false, 4)
	if m, _ := w.g.Mass(); m.Of != 4 || m.Onsets != 0 {
		t.Errorf("%+v", m)
	}
}
