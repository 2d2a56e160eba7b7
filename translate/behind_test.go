package translate

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

// drawnPolicies are one of few, so that changes touch some services and leave others alone.
func drawnPolicies(t testing.TB, r *rand.Rand) policy.Policies {
	t.Helper()
	text := fmt.Sprintf("defaults: {connect_timeout: %ds}\nservices: [{match: {names: ['%s*']}, idle_timeout: %dm}, {match: {tags: [v2]}, lb_policy: %s}]",
		1+r.IntN(2), pick(r, "w", "d", "a"), 1+r.IntN(2), pick(r, "random", "maglev"))
	p, err := policy.Parse([]policy.File{{Name: "p", Content: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// drawnEntries changes config entries of a catalog.
func drawnEntries(r *rand.Rand, c catalog.Catalog) catalog.Catalog {
	next := catalog.Catalog{}.Apply(catalog.Catalog{}.Diff(c))
	for _, k := range []catalog.EntryKey{{Kind: catalog.ProxyDefaults, Name: catalog.GlobalEntry}, {Kind: catalog.ServiceDefaults, Name: "web"}, {Kind: catalog.ServiceResolver, Name: "db"}} {
		switch r.IntN(6) {
		case 0:
			delete(next.Entries, k)
		case 1:
			next.Entries[k] = catalog.Entry{Key: k, Protocol: pick(r, "http2", "tcp"), ConnectTimeout: time.Duration(1+r.IntN(2)) * time.Second}
		}
	}
	return next
}

// TestWhateverIsBehindTheEndIsThatOfTheNewestSources: catalogs, entries and policies change, units are surveyed
// and advanced in any order. A unit that is behind keeps its cluster, whatever becomes of its service's
// instances. In the end all is as if it was translated whole.
func TestWhateverIsBehindTheEndIsThatOfTheNewestSources(t *testing.T) {
	kept := 0
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 9))
		now, last := randomCatalog(r), drawnPolicies(t, r)
		from, _ := New(testConfig()).With(last)
		rs, _ := from.Apply(catalog.Catalog{}.Diff(now))
		for range 12 {
			switch r.IntN(7) {
			case 5: // what is said of policies from now on waits no longer
				last = drawnPolicies(t, r)
				rs, _ = rs.With(last)
			case 6:
				next := drawnEntries(r, randomCatalog(r))
				rs, _ = rs.Apply(now.Diff(next))
				now = next
			case 0:
				last = drawnPolicies(t, r)
				rs = rs.Propose(last)
			case 1:
				next := drawnEntries(r, randomCatalog(r))
				maps.Copy(next.Entries, now.Entries)
				if r.IntN(2) == 0 {
					next = drawnEntries(r, now)
				}
				rs, _, _ = rs.Take(now.Diff(next))
				now = next
			case 2:
				rs, _, _ = rs.Survey(1 + r.IntN(5))
			case 3:
				if all := rs.Behind(); len(all) > 0 {
					rs, _ = rs.Advance(all[:1+r.IntN(len(all))], time.Time{})
				}
			case 4: // only instances
				next := catalog.Catalog{}.Apply(catalog.Catalog{}.Diff(now))
				behind := rs.Behind()
				for k, s := range next.Services {
					if r.IntN(2) == 0 {
						other := randomService(r, k)
						if other.Hosts = s.Hosts; slices.Equal(furtherPorts(other), furtherPorts(s)) {
							next.Services[k] = other
						}
					}
				}
				was := held(rs)
				rs, _ = rs.Apply(now.Diff(next))
				now = next
				for _, b := range behind {
					n := Name{ClusterType, b.Name()}
					if is, there := held(rs)[n]; there && was[n].Version != "" {
						kept++
						if is.Version != was[n].Version {
							t.Fatalf("seed %d: instances changed the cluster of %s, which is behind", seed, b.Name())
						}
					}
				}
			}
			requireConsistent(t, seed, rs)
		}
		rs = rs.surveyed()
		rs, _ = rs.Advance(rs.Behind(), time.Time{})
		if rs.AnyBehind() {
			t.Fatalf("seed %d: %v are behind in the end", seed, rs.Behind())
		}
		from, _ = New(testConfig()).With(last)
		want, _ := from.Apply(catalog.Catalog{}.Diff(now))
		requireSame(t, fmt.Sprintf("seed %d", seed), rs, want)
	}
	if kept < 100 {
		t.Errorf("%d clusters were behind while instances changed: this shows too little", kept)
	}
}

// A subset of a service that comes while a survey is under way waits for the survey. Who ends that has it made.
func TestWhatASurveyHasToMakeIsMadeByWhoEndsIt(t *testing.T) {
	resolver := catalog.Entry{Key: catalog.EntryKey{Kind: catalog.ServiceResolver, Name: "web"},
		Resolver: catalog.Resolver{Subsets: map[string]catalog.Subset{"v2": {}}}}
	global := catalog.Entry{Key: catalog.EntryKey{Kind: catalog.ProxyDefaults, Name: catalog.GlobalEntry}, Protocol: "http2"}
	for by, end := range map[string]func(Resources) Resources{
		"policies": func(rs Resources) Resources { rs, _ = rs.With(policy.Policies{}); return rs },
		"entries": func(rs Resources) Resources {
			rs, _ = rs.Apply(catalog.Delta{GoneEntries: []catalog.EntryKey{global.Key}})
			return rs
		},
	} {
		rs, _ := New(testConfig()).Apply(catalog.Delta{Set: []catalog.Service{{Key: own("api")}}})
		rs, _, _ = rs.Take(catalog.Delta{Entries: []catalog.Entry{global, resolver}})
		rs, _ = rs.Apply(catalog.Delta{Set: []catalog.Service{{Key: own("web")}}})
		if !rs.AnyBehind() || slices.Contains(rs.Served(), "v2.web") {
			t.Fatal("the survey has nothing to make:", rs.Served())
		}
		if rs = end(rs); !slices.Contains(rs.Served(), "v2.web") {
			t.Errorf("%s end the survey, and %v are served", by, rs.Served())
		}
	}
}

// requireConsistent checks that each unit is what its own sources make of it.
func requireConsistent(t *testing.T, seed uint64, rs Resources) {
	t.Helper()
	read := reader{inputs: rs.inputs}
	for c := range rs.cells.all() {
		read.inputs.sources, read.newest = rs.sourcesOf(c.unit), rs.newestFor(c.unit, &rs.inputs)
		resources, _ := rs.rules.build(c.unit, read.begin(c.unit, nil))
		for i, one := range resources {
			if one.Version != c.resources[i].Version {
				t.Fatalf("seed %d: %s is not what its sources make of it", seed, one.Name.Name)
			}
		}
	}
	for l := range rs.behind.units.all() {
		c := rs.cells.get(l.unit)
		if c == nil || c.policy.same(l.due) && !l.led {
			t.Fatalf("seed %d: %s is behind without a difference", seed, l.unit.name())
		}
	}
}

// TestASurveyBuildsNothing: only who becomes another is behind, and only those are built.
func TestASurveyBuildsNothing(t *testing.T) {
	from, _ := New(testConfig()).Apply(fleet(30))
	counting := &countingRules{rules: from.rules, built: map[unit]int{}}
	from.rules = counting
	p, err := policy.Parse([]policy.File{{Name: "p", Content: []byte("services: [{match: {names: ['service-0000*']}, idle_timeout: 2m}]")}})
	if err != nil {
		t.Fatal(err)
	}
	r, found := from.Propose(p), 0
	for more := true; more; {
		var touched []Behind
		r, touched, more = r.Survey(7)
		found += len(touched)
	}
	if found != 10 || len(r.Behind()) != 10 || len(counting.built) != 0 {
		t.Fatalf("%d were found, %d are behind, %d were built", found, len(r.Behind()), len(counting.built))
	}
	if r, _ = r.Advance(r.Behind()[:4], time.Time{}); len(counting.built) != 4 || len(r.Behind()) != 6 {
		t.Errorf("%d were built, %d are behind", len(counting.built), len(r.Behind()))
	}
	if b := r.Behind()[0]; b.Instances != 8 || b.Name() != "service-00004" {
		t.Errorf("%+v", b)
	}
	if b := r.Diff(from); len(b.Set) != 8 {
		t.Errorf("%d resources differ", len(b.Set))
	}
	if r = r.Propose(policy.Policies{}); r.AnyBehind() {
		r = r.surveyed()
	}
	if n := len(r.Behind()); n != 4 {
		t.Errorf("taken back: %d are behind, and not the four that had changed", n)
	}
}
