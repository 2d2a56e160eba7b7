package discovery

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
)

// turns takes so many turns of the ring, and says whose they were.
func (r *rotation) turns(n int) (names []string) {
	for range n {
		f := r.take()
		if f == nil {
			names = append(names, "nobody")
			continue
		}
		names = append(names, f.key.Name)
		r.done(f)
	}
	return names
}

// ringOf is a ring of services that are called so.
func ringOf(names ...string) (*rotation, map[string]*followed) {
	r, all := newRotation(), map[string]*followed{}
	for _, name := range names {
		all[name] = &followed{key: catalog.ServiceKey{Name: name}}
		r.settle(all[name])
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
	all["e"] = &followed{key: catalog.ServiceKey{Name: "e"}}
	r.settle(all["e"])
	is("one has come", r.turns(3), "b", "e", "b")
	e := r.take()
	is("one is being read", r.turns(2), "b", "b")
	b := r.take()
	is("all are being read", r.turns(1), "nobody")
	r.done(b)
	r.done(e)
	r.remove(all["b"])
	r.remove(all["e"])
	is("nobody is left", r.turns(1), "nobody")
}

// A service is with its own loop or with a sweeper, never with both, and never with none.
func TestAServiceThatGetsAQueryOfItsOwnHasOneReader(t *testing.T) {
	r, all := ringOf("a", "b")
	if r.promote(all["b"]); r.size() != 1 || !r.isDirect(all["b"]) || r.isDirect(all["a"]) {
		t.Errorf("%d are in the ring: who has a query of its own is not read in turn", r.size())
	}
	if a := r.take(); r.promote(a) {
		t.Error("a loop is started for a service that a sweeper reads")
	} else if !r.done(a) || r.size() != 0 {
		t.Error("no loop is started when the sweeper has read it")
	}
	if !r.settle(all["a"]) || r.size() != 0 {
		t.Error("its loop ends")
	}
	r.demote(all["a"])
	if r.settle(all["a"]) || r.size() != 1 {
		t.Error("its loop goes on after the query was taken back")
	}
	if a := r.take(); r.done(a) || r.size() != 1 {
		t.Error("it leaves the ring although it has no query of its own")
	}
	if !r.promote(all["a"]) || r.promote(all["a"]) {
		t.Error("its loop is started not once")
	}
}

// What was asked for before a newer answer came says nothing any more, however late it arrives.
func TestAnAnswerThatANewerOneOvertookChangesNothing(t *testing.T) {
	inOwner(t, func(t *testing.T, o *owner) {
		o.reads("web", 11, 2)
		f := o.follow["web"]
		look := checked{f: f, readings: f.readings, reply: consul.Reply{At: time.Now(), Index: 90}}
		confirm := confirmed{f: f, readings: f.readings, reply: consul.Reply{At: time.Now(), Index: 90}}
		o.reads("web", 20, 3) // meanwhile
		f.listed = false
		o.looking++
		look.apply(o)
		if n := len(o.catalog[f.key].Instances); n != 3 || f.afresh.asked {
			t.Errorf("%d instances, asked afresh %v: a look from before the last answer was compared with it", n, f.afresh.asked)
		}
		f.confirming, f.listed = true, true
		confirm.apply(o)
		if f.confirming {
			t.Error("it is confirmed, and counts as being asked for")
		}
		f.confirming, f.listed = true, false
		confirm.apply(o)
		if n := len(o.catalog[f.key].Instances); n != 3 || o.follow["web"] != f {
			t.Errorf("%d instances: what confirms was asked before the last answer", n)
		}
		if !f.confirming {
			t.Error("it is not asked for again")
		}
	})
}

// inOwner has an owner that knows that there are the services web and api, and has read none.
func inOwner(t *testing.T, story func(t *testing.T, o *owner)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeConsul("web", "api")
		fake.changed = make(chan struct{}) // of this bubble
		w := watcherOver(t, fakeConfig(), fake, &lockedBuffer{})
		o := newOwner(w, "dc1")
		ctx, cancel := context.WithCancel(t.Context())
		o.ctx = ctx
		o.lists(10, "web", "api")
		story(t, o)
		cancel()
		w.loops.Wait()
	})
}

// lists gives the owner a list of services.
func (o *owner) lists(index uint64, names ...string) {
	l := consul.Listing{"consul": nil}
	for _, name := range names {
		l[name] = nil
	}
	listed{names: l, at: time.Now(), index: index}.apply(o)
}

// reads gives the owner an answer with so many instances.
func (o *owner) reads(name string, index uint64, instances int) {
	f := o.follow[name]
	r := consul.Reading{Service: catalog.Service{Key: f.key}}
	for n := range instances {
		r.Service.Instances = append(r.Service.Instances, catalog.Instance{ID: name + string(rune('a'+n)), Node: "n", Address: "10.0.0.1", Port: 80})
	}
	readAs{f: f, reading: r, reply: consul.Reply{Question: consul.Question{Consistent: true}, Index: index, At: time.Now()}}.apply(o)
}

// Nothing is kept of a service that is gone: not its place among those that are watched, not what
// was wrong with it, not what was hidden of it.
func TestAServiceThatIsGoneIsForgotten(t *testing.T) {
	inOwner(t, func(t *testing.T, o *owner) {
		o.reads("web", 11, 2)
		o.reads("api", 12, 1)
		now := time.Now()
		f, w := o.follow["web"], o.w
		o.assign()
		w.trouble.failed(f.loop(), errors.New("refused"), now)
		w.hidden.note(f.loop(), true, now)
		o.reads("web", 13, 0)
		o.lists(14, "api")
		if o.follow["web"] != nil || len(o.catalog) != 1 {
			t.Fatalf("%d services are left in the catalog", len(o.catalog))
		}
		if f.ctx.Err() == nil {
			t.Error("its loops go on")
		}
		if w.rotation.settle(f); w.rotation.size() != 0 {
			t.Error("it is in the ring")
		}
		if f.place != nil || o.recency.order.Len() != 1 {
			t.Errorf("%d services have a blocking query", o.recency.order.Len())
		}
		for _, p := range w.Status().Problems {
			t.Errorf("problem: %+v", p)
		}
		if !o.moved {
			t.Error("nobody else gets its blocking query")
		}
	})
}

// One that goes before it was ever read is not waited for, whether it was refused or failed.
func TestAServiceThatGoesUnreadIsNotWaitedFor(t *testing.T) {
	for _, what := range []string{"failed", "refused"} {
		inOwner(t, func(t *testing.T, o *owner) {
			now := time.Now()
			o.reads("web", 11, 2)
			gone := o.follow["api"]
			if what == "refused" {
				refusedName{f: gone, err: errors.New("400"), at: now}.apply(o)
				refusedName{f: gone, err: errors.New("400"), at: now}.apply(o)
				if p := o.refusedProblem(); p == nil || p.Services != 1 || o.unanswered != 1 {
					t.Errorf("problem: %+v", p)
				}
			}
			o.lists(21, "web", "next")
			if o.unread != 1 || o.unanswered != 0 || o.refusedProblem() != nil {
				t.Errorf("%s: %d unread, %d of them refused: want the one that is listed", what, o.unread, o.unanswered)
			}
			refusedName{f: gone, err: errors.New("400"), at: now}.apply(o) // too late
			o.reads("next", 22, 1)
			if !o.complete || len(o.refused) != 0 {
				t.Errorf("%s: all that is listed was read, and that is not complete", what)
			}
		})
	}
}
