package guard

import (
	"slices"
	"testing"
	"time"

	"legate/discovery/catalog"
)

// at is so many seconds after a moment at which something was lost.
func at(seconds float64) time.Time {
	return time.Unix(1000, 0).Add(time.Duration(seconds * float64(time.Second)))
}

// never is no time.
var never time.Time

// instances are some with these ids.
func instances(ids ...string) (all []catalog.Instance) {
	for _, id := range ids {
		all = append(all, catalog.Instance{Node: "n", ID: id})
	}
	return all
}

// lostAt is a hold of a loss at second 0: of each instance, since when a consistent read lacks it.
func lostAt(why Reason, since ...time.Time) *hold {
	h := &hold{why: why, since: at(0), emptied: at(0), missed: map[catalog.InstanceKey]time.Time{}}
	for n, s := range since {
		i := instances(string(rune('a' + n)))
		h.kept = append(h.kept, i...)
		if !s.IsZero() {
			h.missed[i[0].Key()] = s
		}
		h.agreed = latest(h.agreed, s)
	}
	return h
}

// confirm says that a second read lacks all of it, too.
func (h *hold) confirm() *hold {
	h.agreed = at(1e6)
	return h
}

// agreedAt says when the last read was.
func agreedAt(h *hold, seconds float64) *hold {
	h.agreed = at(seconds)
	return h
}

func TestWhenAHoldIsLookedAt(t *testing.T) {
	g := DefaultConfig()
	quick := g
	quick.Confirm = 100 * time.Millisecond
	off := g
	off.Confirm = 0
	asked := func(h *hold, seconds float64) *hold { h.asked = at(seconds); return h }
	sure := func(h *hold) *hold { h.evident = true; return h }
	for _, c := range []struct {
		name string
		h    *hold
		g    Config
		want time.Time
	}{
		{"nobody has asked yet", lostAt(Shrunk, never), g, at(0)},
		{"somebody asked, and got no answer", asked(lostAt(Shrunk, never), 3), g, at(4)},
		{"the first consistent read lacks it", asked(lostAt(Shrunk, at(3)), 3), g, at(13)},
		{"it was asked in vain since", asked(lostAt(Shrunk, at(3)), 20), g, at(21)},
		{"of two the one that is missed for longer counts", lostAt(Shrunk, at(5), at(3), at(4)), g, at(13)},
		{"one of two is not missed yet", lostAt(Shrunk, at(3), never), g, at(0)},
		{"all is confirmed", asked(lostAt(Shrunk, at(3)).confirm(), 3), g, never},
		{"all has just been confirmed", agreedAt(lostAt(Shrunk, at(3)), 13), g, never},
		{"all is about to be confirmed", agreedAt(lostAt(Shrunk, at(3)), 12.9), g, at(13)},
		{"all of a service is confirmed, and evidence may come", asked(lostAt(Emptied, at(3)).confirm(), 13), g, at(23)},
		{"and has come", sure(asked(lostAt(Emptied, at(3)).confirm(), 13)), g, never},
		{"the two reads may be close to each other", asked(lostAt(Shrunk, at(3)), 3), quick, at(3.1)},
		{"and evidence is looked for once a second at the most", asked(lostAt(Emptied, at(3)).confirm(), 3), quick, at(4)},
		{"also where one read is enough", asked(lostAt(Emptied, at(3)).confirm(), 3), off, at(4)},
		{"where one read is enough it is asked for at once", asked(lostAt(Shrunk, never), 3), off, at(3)},
	} {
		if got := c.h.due(c.g); !got.Equal(c.want) {
			t.Errorf("%s: %v, want %v", c.name, got.Sub(at(0)), c.want.Sub(at(0)))
		}
	}
}

func TestWhenAHoldEnds(t *testing.T) {
	g := DefaultConfig()
	short := g
	short.DatacenterHold, short.Empty = time.Second, time.Second
	mass := func(h *hold, seconds float64) *hold { h.most = at(seconds); return h }
	for _, c := range []struct {
		name string
		h    *hold
		g    Config
		want time.Time
		back time.Time // when something came back last
	}{
		{"most of the datacenter", lostAt(DatacenterLost, at(1)), g, at(3600), at(3500)},
		{"most of it, where that is held for less than it takes to confirm", lostAt(DatacenterLost, at(1)), short, at(11), never},
		{"all of a service", lostAt(Emptied, at(1)), g, at(60), at(50)},
		{"all of a service, where that is held for less than it takes to confirm", lostAt(Emptied, at(1)), short, at(11), never},
		{"most of a service", lostAt(Shrunk, never), g, at(10), never},
		{"most of a service, seen by a consistent read", lostAt(Shrunk, at(3), at(5), at(4)), g, at(15), never},
		{"what did not come back with the others", mass(lostAt(Shrunk, at(1)), 30), g, at(150), at(20)},
		{"what did not come back yet, while others do", mass(lostAt(Shrunk, at(1)), 30), g, at(320), at(200)},
		{"all of a service that did not come back yet", mass(lostAt(Emptied, at(1)), 30), g, at(320), at(200)},
		{"all of it, after an hour of that", mass(lostAt(Emptied, at(1)), 30), g, at(3600), at(3590)},
		{"what went again when the others were back", mass(lostAt(Shrunk, at(200)), 30), g, at(210), never},
	} {
		g := New(c.g)
		g.returned, g.holds = c.back, 1
		g.service(key(1)).hold = c.h
		if got := g.Holds(); len(got) != 1 || !got[0].Until.Equal(c.want) {
			t.Errorf("%s: until %v, want %v", c.name, got[0].Until.Sub(at(0)), c.want.Sub(at(0)))
		}
	}
}

func TestFromWhenOnAHoldIsBelieved(t *testing.T) {
	mass := func(h *hold) *hold { h.most = at(30); return h }
	for _, c := range []struct {
		name    string
		h       *hold
		evident bool
		want    time.Time
		outcome string
	}{
		{"most of the datacenter", lostAt(DatacenterLost), true, at(3600), "expired"},
		{"most of a service", lostAt(Shrunk), false, never, "confirmed"},
		{"most of a service, while others come back", mass(lostAt(Shrunk)), false, at(220), "confirmed"},
		{"all of a service", lostAt(Emptied), false, at(60), "confirmed"},
		{"all of a service, with evidence", lostAt(Emptied), true, never, "evident"},
		{"all of a service, while others come back", mass(lostAt(Emptied)), false, at(220), "confirmed"},
		{"all of a service, with evidence, while others come back", mass(lostAt(Emptied)), true, at(220), "confirmed"},
	} {
		end := c.h.ends(DefaultConfig(), at(100), c.evident)
		if !end.Equal(c.want) {
			t.Errorf("%s: from %v on, want %v", c.name, end.Sub(at(0)), c.want.Sub(at(0)))
		}
		if got := c.h.outcome(DefaultConfig(), latest(end, at(59))); got != c.outcome {
			t.Errorf("%s: %s, want %s", c.name, got, c.outcome)
		}
	}
}

// What is missed is confirmed for each instance by itself, by two consistent reads that are far
// enough apart; who comes back between them is missed from the start when it goes again.
func TestEachInstanceIsMissedForItself(t *testing.T) {
	const apart = 10 * time.Second
	h := lostAt(Shrunk)
	is := func(when string, all []catalog.Instance, want ...string) {
		t.Helper()
		var ids []string
		for _, i := range all {
			ids = append(ids, i.ID)
		}
		if !slices.Equal(ids, want) {
			t.Errorf("%s: %v, want %v", when, ids, want)
		}
	}
	h.keep(instances("a", "c"))
	h.agree(at(1))
	h.keep(instances("a", "c", "d"))
	h.agree(at(10.9))
	is("after 9.9 s", h.unconfirmed(apart), "a", "c", "d")
	h.agree(at(11))
	is("after 10 s", h.unconfirmed(apart), "d")
	is("served, in this order", (&service{selected: instances("b"), hold: h}).believed(), "a", "b", "c", "d")
	h.keep(instances("c", "d")) // a is back
	h.keep(instances("a", "c", "d"))
	is("a went again, and d went later", h.unconfirmed(apart), "a", "d")
	h.agree(at(12))
	is("where one read is enough", h.unconfirmed(0))
	h.keep(instances("e"))
	is("not without one", h.unconfirmed(0), "e")
}

func TestWhichHoldsAreOfAMassLoss(t *testing.T) {
	for _, c := range []struct {
		why  Reason
		mass time.Time
		want bool
	}{{DatacenterLost, never, true}, {DatacenterLost, at(1), true}, {Shrunk, at(1), true}, {Shrunk, never, false}} {
		if got := (&hold{why: c.why, most: c.mass}).ofMost(); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
