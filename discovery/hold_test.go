package discovery

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
)

// at is so many seconds after a moment at which something was lost.
func at(seconds float64) time.Time {
	return time.Unix(1000, 0).Add(time.Duration(seconds * float64(time.Second)))
}

// never is no time.
var never time.Time

// lostAt is a hold of a loss at second 0: of each instance, since when a consistent read lacks it.
func lostAt(why suspicion, since ...time.Time) *hold {
	h := &hold{why: why, since: at(0)}
	for n, s := range since {
		h.kept = append(h.kept, missing{Instance: catalog.Instance{Node: "n", ID: fmt.Sprint(n)}, since: s})
	}
	return h
}

// confirm says that a second read lacks all of it, too.
func (h *hold) confirm() *hold {
	for i := range h.kept {
		h.kept[i].confirmed = true
	}
	return h
}

func TestWhenAHoldIsLookedAt(t *testing.T) {
	g := DefaultGuard()
	quick := g
	quick.Confirm = 100 * time.Millisecond
	off := g
	off.Confirm = 0
	asked := func(h *hold, seconds float64) *hold { h.asked = at(seconds); return h }
	sure := func(h *hold) *hold { h.sure = true; return h }
	for _, c := range []struct {
		name string
		h    *hold
		g    Guard
		want time.Time
	}{
		{"nobody has asked yet", lostAt(shrunk, never), g, at(0)},
		{"somebody asked, and got no answer", asked(lostAt(shrunk, never), 3), g, at(4)},
		{"the first consistent read lacks it", asked(lostAt(shrunk, at(3)), 3), g, at(13)},
		{"it was asked in vain since", asked(lostAt(shrunk, at(3)), 20), g, at(21)},
		{"of two the one that is missed for longer counts", lostAt(shrunk, at(5), at(3), at(4)), g, at(13)},
		{"one of two is not missed yet", lostAt(shrunk, at(3), never), g, at(0)},
		{"all is confirmed", asked(lostAt(shrunk, at(3)).confirm(), 3), g, never},
		{"all of a service is confirmed, and evidence may come", asked(lostAt(emptied, at(3)).confirm(), 13), g, at(23)},
		{"and has come", sure(asked(lostAt(emptied, at(3)).confirm(), 13)), g, never},
		{"the two reads may be close to each other", asked(lostAt(shrunk, at(3)), 3), quick, at(3.1)},
		{"and evidence is looked for once a second at the most", asked(lostAt(emptied, at(3)).confirm(), 3), quick, at(4)},
		{"also where one read is enough", asked(lostAt(emptied, at(3)).confirm(), 3), off, at(4)},
		{"where one read is enough it is asked for at once", asked(lostAt(shrunk, never), 3), off, at(3)},
	} {
		if got := c.h.due(c.g); !got.Equal(c.want) {
			t.Errorf("%s: %v, want %v", c.name, got.Sub(at(0)), c.want.Sub(at(0)))
		}
	}
}

func TestWhenAHoldEnds(t *testing.T) {
	g := DefaultGuard()
	short := g
	short.DatacenterHold, short.Empty = time.Second, time.Second
	mass := func(h *hold, seconds float64) *hold { h.mass = at(seconds); return h }
	for _, c := range []struct {
		name string
		h    *hold
		g    Guard
		want time.Time
		back time.Time // when something came back last
	}{
		{"most of the datacenter", lostAt(evaporated, at(1)), g, at(3600), at(3500)},
		{"most of it, where that is held for less than it takes to confirm", lostAt(evaporated, at(1)), short, at(10), never},
		{"all of a service", lostAt(emptied, at(1)), g, at(60), at(50)},
		{"all of a service, where that is held for less than it takes to confirm", lostAt(emptied, at(1)), short, at(10), never},
		{"most of a service", lostAt(shrunk, never), g, at(10), never},
		{"most of a service, seen by a consistent read", lostAt(shrunk, at(3), at(5), at(4)), g, at(15), never},
		{"what did not come back with the others", mass(lostAt(shrunk, at(1)), 30), g, at(150), at(20)},
		{"what did not come back yet, while others do", mass(lostAt(shrunk, at(1)), 30), g, at(320), at(200)},
		{"all of a service that did not come back yet", mass(lostAt(emptied, at(1)), 30), g, at(320), at(200)},
		{"all of it, after an hour of that", mass(lostAt(emptied, at(1)), 30), g, at(3600), at(3590)},
		{"what went again when the others were back", mass(lostAt(shrunk, at(200)), 30), g, at(210), never},
	} {
		if got := c.h.until(c.g, c.back); !got.Equal(c.want) {
			t.Errorf("%s: until %v, want %v", c.name, got.Sub(at(0)), c.want.Sub(at(0)))
		}
	}
	sure := func(h *hold) *hold { h.sure = true; return h }
	for _, c := range []struct {
		name               string
		h                  *hold
		second             float64
		eroding, returning bool
		over               bool
		outcome            string
	}{
		{"most of the datacenter, too early", lostAt(evaporated, at(1)).confirm(), 3599, false, false, false, ""},
		{"most of the datacenter", lostAt(evaporated, at(1)).confirm(), 3600, false, false, true, "expired"},
		{"most of a service", lostAt(shrunk, at(1)).confirm(), 10, false, false, true, "confirmed"},
		{"most of a service, while others come back", lostAt(shrunk, at(1)).confirm(), 3599, false, true, false, ""},
		{"all of a service, too early", lostAt(emptied, at(1)).confirm(), 59, false, false, false, ""},
		{"all of a service", lostAt(emptied, at(1)).confirm(), 60, false, false, true, "confirmed"},
		{"all of a service, with evidence", sure(lostAt(emptied, at(1)).confirm()), 10, false, false, true, "evident"},
		{"with evidence, but not confirmed", sure(lostAt(emptied, at(1))), 70, false, false, false, ""},
		{"with evidence, while much else goes", sure(lostAt(emptied, at(1)).confirm()), 59, true, false, false, ""},
		{"and after a minute of that", sure(lostAt(emptied, at(1)).confirm()), 60, true, false, true, "confirmed"},
	} {
		if got := c.h.over(g, at(c.second), c.eroding, c.returning); got != c.over {
			t.Errorf("%s: over is %v", c.name, got)
		} else if got && c.h.outcome(g, at(c.second)) != c.outcome {
			t.Errorf("%s: %s, want %s", c.name, c.h.outcome(g, at(c.second)), c.outcome)
		}
	}
}

// What is missed is confirmed for each instance by itself, by two consistent reads that are far
// enough apart; who comes back between them is missed from the start when it goes again.
func TestEachInstanceIsMissedForItself(t *testing.T) {
	instances := func(ids ...string) (all []catalog.Instance) {
		for _, id := range ids {
			all = append(all, catalog.Instance{Node: "n", ID: id})
		}
		return all
	}
	const apart = 10 * time.Second
	h := &hold{why: shrunk, since: at(0)}
	h.reading.Service.Instances = instances("b")
	h.keep(instances("a", "c"))
	h.agree(at(1), apart)
	h.keep(instances("a", "c", "d"))
	h.agree(at(10.9), apart)
	if h.believe() || len(h.kept) != 3 {
		t.Fatalf("after 9.9 s: %+v", h.kept)
	}
	h.agree(at(11), apart)
	served := h.served()
	var ids []string
	for _, i := range served.Instances {
		ids = append(ids, i.ID)
	}
	if !slices.Equal(ids, []string{"a", "b", "c", "d"}) {
		t.Errorf("served are %v, in this order", ids)
	}
	h.keep(instances("c", "d")) // a is back
	h.keep(instances("a", "c", "d"))
	if left := h.still(instances("a", "e")); len(left) != 1 || left[0].ID != "a" {
		t.Errorf("of a and e %v is kept already", left)
	}
	if h.believe() || len(h.kept) != 2 || h.kept[0].ID != "a" || h.kept[1].ID != "d" {
		t.Errorf("kept are %+v, want a, which went again, and d, which went later", h.kept)
	}
	h.agree(at(12), 0) // where one read is enough
	if !h.believe() {
		t.Errorf("kept are %+v, want none: one read is enough", h.kept)
	}
}

// Many holds of a kind are one problem: it names some, counts all, and is as old as the oldest.
func TestManyHoldsAreOneProblem(t *testing.T) {
	var holds []Hold
	for n := range 7 {
		holds = append(holds, Hold{Service: name(n), Why: "shrunk", Kept: 2, Served: 3, Since: at(float64((n + 4) % 7)), Remedy: "wait"})
	}
	holds = append(holds, Hold{Service: "tags", Why: "emptied", Kept: 3, Deselected: 3, Since: at(9), Remedy: "look"})
	var s Status
	describeHolds(holds, &s)
	if len(s.Problems) != 2 {
		t.Fatalf("problems: %+v", s.Problems)
	}
	tags, many := s.Problems[0], s.Problems[1]
	if tags.Kind != "held_emptied" || tags.Services != 1 || !tags.Since.Equal(at(9)) || tags.Remedy != "look" ||
		!strings.Contains(tags.Detail, "instances of tags (3 in all) lost the tags that select them") {
		t.Errorf("one: %+v", tags)
	}
	if many.Kind != "held_shrunk" || many.Services != 7 || !many.Since.Equal(at(0)) || many.Remedy != "wait" ||
		!strings.Contains(many.Detail, "svc-000, svc-001, svc-002, svc-003, svc-004 and 2 more (14 in all) are gone") {
		t.Errorf("many: %+v", many)
	}
	s = Status{}
	describeHolds(holds[:5], &s)
	if detail := s.Problems[0].Detail; !strings.Contains(detail, "svc-003, svc-004 (10 in all)") {
		t.Errorf("five: %s", detail)
	}
	if got := (Hold{Service: "web", Kept: 3, Served: 5, Deselected: 1, Why: "shrunk"}).String(); got != "web: 3 of 5 instances are gone, or (1) lost the tags that select them, according to Consul, and kept (shrunk)" {
		t.Error(got)
	}
}

// Of what is lost some may be gone, and some may be there without the tags that select it.
func TestAHoldSaysWhatIsGoneAndWhatLostItsTags(t *testing.T) {
	fake := many(5, 1)
	fake.tagged("web", v1, v1, v1, v1, v1, v1)
	inTime(t, tagConfig(guardedConfig(), "v1"), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.tagged("web", v1, none, none, none)
		synctest.Wait()
		h := r.Holds()
		if len(h) != 1 || h[0].Kept != 5 || h[0].Deselected != 3 || h[0].Remedy != tagsRemedy {
			t.Errorf("holds: %+v", h)
		}
	})
}

func TestTheEndOfAHoldInWords(t *testing.T) {
	for ends, want := range map[float64]string{-60: "when Consul confirms it", 0.4: "when Consul confirms it", 0.6: "in 1s, at ", 90: "in 1m30s, at "} {
		if got := (Hold{Until: at(ends)}).Ends(at(0)); !strings.HasPrefix(got, want) {
			t.Errorf("after %v s: %q, want %q", ends, got, want)
		}
	}
}

func TestWhichHoldsAreOfAMassLoss(t *testing.T) {
	for _, c := range []struct {
		why  suspicion
		mass time.Time
		want bool
	}{{evaporated, never, true}, {evaporated, at(1), true}, {shrunk, at(1), true}, {shrunk, never, false}} {
		if got := (&hold{why: c.why, mass: c.mass}).massive(); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
