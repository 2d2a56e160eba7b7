package discovery

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/guard"
)

// at is so many seconds after a moment at which something was lost.
func at(seconds float64) time.Time {
	return time.Unix(1000, 0).Add(time.Duration(seconds * float64(time.Second)))
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

// What begins or ends to be held is told, with its reason and its outcome.
func TestHoldsAreToldWhenTheyBeginAndEnd(t *testing.T) {
	cfg := guardedConfig()
	w, err := New(cfg, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var told []HoldChange
	w.TellHolds(func(all []HoldChange) { told = append(told, all...) })
	g, key, now := guard.New(cfg.Guard), catalog.ServiceKey{Datacenter: "dc1", Name: "web"}, at(0)
	web := []catalog.Instance{{Node: "n", ID: "1"}, {Node: "n", ID: "2"}}
	r := report{w: w}
	step := func(seen guard.Observation) {
		r.decided(g.Step(now, seen))
		r.showHolds(g, now)
		now = now.Add(time.Second)
	}
	step(guard.Answered{Key: key, Said: web, Selected: web, Consistent: true, Moved: true})
	if len(told) != 0 {
		t.Errorf("nothing is held, and told is %+v", told)
	}
	step(guard.Answered{Key: key, Consistent: true, Moved: true})
	if len(told) != 1 || told[0].Service != "web" || told[0].Why != "emptied" || told[0].Kept != 2 || told[0].Served != 2 || told[0].Outcome != "" {
		t.Errorf("when it begins: %+v", told)
	}
	step(guard.Released{Service: "web"})
	if len(told) != 2 || told[1].Service != "web" || told[1].Outcome != "released" || told[1].Held != time.Second {
		t.Errorf("when it ends: %+v", told)
	}
}
