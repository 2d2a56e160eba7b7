package watch

import (
	"slices"
	"testing"

	"legate/discovery/catalog"
)

// ringOf is a ring of services that are called so.
func ringOf(names ...string) (*pollRing, map[string]*Service) {
	r, all := newPollRing(), map[string]*Service{}
	for _, name := range names {
		all[name] = &Service{Key: catalog.ServiceKey{Name: name}}
		r.addUnlessDirect(all[name])
	}
	return &r, all
}

// Whoever comes or goes, nobody's turn is left out, and nobody has two in a round.
func TestEachServiceOfTheRingHasItsTurn(t *testing.T) {
	r, all := ringOf("a", "b", "c", "d")
	is := func(what string, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: turns %v, want %v", what, got, want)
		}
	}
	is("a round and a half", r.turns(6), "a", "b", "c", "d", "a", "b")
	r.remove(all["a"]) // its turn is over: those to come keep theirs
	is("one that was read has gone", r.turns(3), "c", "d", "b")
	r.remove(all["c"]) // it is next
	is("the next one has gone", r.turns(2), "d", "b")
	r.remove(all["d"])
	r.remove(all["d"])
	is("one is left", r.turns(2), "b", "b")
	all["e"] = &Service{Key: catalog.ServiceKey{Name: "e"}}
	r.addUnlessDirect(all["e"])
	is("one has come", r.turns(3), "b", "e", "b")
	e := r.take()
	is("one is being read", r.turns(2), "b", "b")
	b := r.take()
	is("all are being read", r.turns(1), "nobody")
	r.release(b)
	r.release(e)
	r.remove(all["b"])
	r.remove(all["e"])
	is("nobody is left", r.turns(1), "nobody")
}

// A service is with its own loop or with a sweeper, never with both, and never with none.
func TestAServiceThatGetsAQueryOfItsOwnHasOneReader(t *testing.T) {
	r, all := ringOf("a", "b")
	if r.makeDirect(all["b"]); r.size() != 1 || !r.isDirect(all["b"]) || r.isDirect(all["a"]) {
		t.Errorf("%d are in the ring: who has a query of its own is not read in turn", r.size())
	}
	if a := r.take(); r.makeDirect(a) {
		t.Error("a loop is started for a service that a sweeper reads")
	} else if !r.release(a) || r.size() != 0 {
		t.Error("no loop is started when the sweeper has read it")
	}
	if !r.addUnlessDirect(all["a"]) || r.size() != 0 {
		t.Error("its loop ends")
	}
	r.makePolled(all["a"])
	if r.addUnlessDirect(all["a"]) || r.size() != 1 {
		t.Error("its loop goes on after the query was taken back")
	}
	if a := r.take(); r.release(a) || r.size() != 1 {
		t.Error("it leaves the ring although it has no query of its own")
	}
	if !r.makeDirect(all["a"]) || r.makeDirect(all["a"]) {
		t.Error("its loop is started not once")
	}
}

// turns takes so many turns of the ring, and says whose they were.
func (r *pollRing) turns(n int) (names []string) {
	for range n {
		f := r.take()
		if f == nil {
			names = append(names, "nobody")
			continue
		}
		names = append(names, f.Key.Name)
		r.release(f)
	}
	return names
}

// A service that goes while its answer is on its way to the owner has no place in the ring any more.
func TestAServiceThatGoesWhileItIsReadLeavesTheRing(t *testing.T) {
	r := newPollRing()
	f := &Service{Key: catalog.ServiceKey{Name: "gone"}}
	r.remove(f)
	if r.addUnlessDirect(f) || r.size() != 0 {
		t.Errorf("%d services are in the ring, want none", r.size())
	}
	if r.makeDirect(f) || r.makeUrgent(f) {
		t.Error("a service that is gone is given work")
	}
}

func TestWhoIsInAHurryIsTakenInOrderAndOnce(t *testing.T) {
	r := newPollRing()
	a, b, c := &Service{}, &Service{}, &Service{}
	for _, f := range []*Service{a, b, c} {
		r.addUnlessDirect(f)
		for range 2 {
			if !r.makeUrgent(f) {
				t.Fatal("not in the ring")
			}
		}
	}
	r.remove(a) // it left while it was in a hurry
	b.busy = true
	if got := r.nextUrgent(); got != c {
		t.Errorf("took %p, want the one that is not being read", got)
	}
	if got := r.nextUrgent(); got != nil {
		t.Errorf("took %p, want none", got)
	}
	r.release(c)
	<-r.urgentAdded
	r.release(b)
	if len(r.urgentAdded) == 0 {
		t.Error("nobody hears that the one that was being read can be read again")
	}
	if got := r.nextUrgent(); got != b {
		t.Errorf("took %p, want the one that was being read", got)
	}
	r.release(b)
	if got := r.nextUrgent(); got != nil {
		t.Errorf("took %p again", got)
	}
	if r.makeUrgent(a) {
		t.Error("hurries one that is not in the ring")
	}
}

// One of those who wait is woken, however many services are in a hurry: it wakes the next, and nobody is woken in vain.
func TestWhoIsWokenForSomebodyInAHurryWakesTheNext(t *testing.T) {
	r, all := ringOf("a", "b")
	r.makeUrgent(all["a"])
	r.makeUrgent(all["b"])
	<-r.urgentAdded
	if got := r.nextUrgent(); got != all["a"] || len(r.urgentAdded) != 1 {
		t.Error("nobody else hears that there is one more")
	}
	<-r.urgentAdded
	if got := r.nextUrgent(); got != all["b"] || len(r.urgentAdded) != 0 {
		t.Error("somebody is woken in vain")
	}
}
