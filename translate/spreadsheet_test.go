package translate

import (
	"math/rand/v2"
	"slices"
	"testing"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

// TestAUnitThatDidNotReadAKeyDoesNotChangeWhenTheKeyDoes is the third law: it is not even built again.
func TestAUnitThatDidNotReadAKeyDoesNotChangeWhenTheKeyDoes(t *testing.T) {
	eachSheet(t, func(t *testing.T, s sheet) {
		untouched, rebuilt, crossed := 0, 0, 0
		for seed := range uint64(250) {
			r := rand.New(rand.NewPCG(seed, 5))
			a := s.catalog(r)
			d := a.Diff(s.near(r, a))
			before, _ := s.empty().Apply(catalog.Catalog{}.Diff(a))
			counting := &countingRules{rules: before.rules, built: map[unit]int{}}
			before.rules = counting
			after, _ := before.Apply(d)

			changed := changedBy(d, a)
			for c := range before.cells.all() {
				if slices.ContainsFunc(builtFrom(c), func(k dependency) bool { return slices.Contains(changed, k) }) {
					rebuilt++
					if !slices.Contains(changed, dependency{service: c.unit.service}) {
						crossed++ // only a service of others changed
					}
					if counting.built[c.unit] != 1 {
						t.Fatalf("seed %d: %v read what changed, and was built %d times", seed, c.unit, counting.built[c.unit])
					}
					continue
				}
				untouched++
				if counting.built[c.unit] != 0 || after.cells.get(c.unit) != c {
					t.Fatalf("seed %d: %v read %v only, and changes with %v", seed, c.unit, builtFrom(c), changed)
				}
			}
		}
		if untouched < 100 || rebuilt < 100 || crossed < s.crossed {
			t.Errorf("%d units were left alone and %d built, of them %d for what they read of others: this shows too little", untouched, rebuilt, crossed)
		}
	})
}

// TestABuildDependsOnNothingButWhatItReads: whatever becomes of all other keys, a unit becomes the same.
func TestABuildDependsOnNothingButWhatItReads(t *testing.T) {
	eachSheet(t, func(t *testing.T, s sheet) {
		for seed := range uint64(60) {
			r := rand.New(rand.NewPCG(seed, 6))
			a, others := s.catalog(r), s.catalog(r)
			before, _ := s.empty().Apply(catalog.Catalog{}.Diff(a))
			for c := range before.cells.all() {
				mixed := catalog.Catalog{}.Apply(catalog.Catalog{}.Diff(others))
				for _, k := range builtFrom(c) {
					take(mixed, a, k)
				}
				read := reader{inputs: s.empty().inputs.apply(catalog.Catalog{}.Diff(mixed))}
				resources, problems := before.rules.build(c.unit, read.begin(c.unit, nil))
				if !slices.EqualFunc(resources, c.resources, equalResource) || !slices.Equal(problems, c.problems) || !slices.Equal(read.reads(), c.reads) {
					t.Fatalf("seed %d: %v is another when what it did not read is another", seed, c.unit)
				}
			}
		}
	})
}

// TestEachUnitIsCalledForAndReadsWhoCallsForIt is what rules must hold to, so that no unit is
// forgotten; and the index of readers says what the cells say.
func TestEachUnitIsCalledForAndReadsWhoCallsForIt(t *testing.T) {
	eachSheet(t, func(t *testing.T, s sheet) {
		for seed := range uint64(60) {
			r := rand.New(rand.NewPCG(seed, 7))
			folded, now := s.empty(), catalog.Catalog{}
			for range 4 {
				next := s.catalog(r)
				folded, _ = folded.Apply(now.Diff(next))
				now = next
			}
			called := map[unit]catalog.ServiceKey{}
			for k, service := range now.Services {
				for _, u := range folded.rules.units(nil, folded.inputs, service) {
					if called[u] = k; folded.cells.get(u) != nil && !slices.Contains(builtFrom(folded.cells.get(u)), dependency{service: k}) {
						t.Fatalf("seed %d: %v calls for %v, which does not read it", seed, k, u)
					}
				}
			}
			for _, e := range now.Entries {
				for _, u := range folded.rules.unitsOfEntry(nil, folded.inputs, e) {
					if called[u] = u.service; folded.cells.get(u) != nil && !slices.Contains(builtFrom(folded.cells.get(u)), dependency{entry: e.Key}) {
						t.Fatalf("seed %d: %v calls for %v, which does not read it", seed, e.Key, u)
					}
				}
			}
			var want []pair
			var flawed []*cell
			names := map[Name]unit{}
			for c := range folded.cells.all() {
				if _, is := called[c.unit]; !is {
					t.Fatalf("seed %d: nothing calls for %v", seed, c.unit)
				}
				if len(c.problems) > 0 {
					flawed = append(flawed, c)
				}
				for _, k := range c.reads {
					want = append(want, pair{k, c.unit})
				}
				for _, one := range c.resources {
					if other, taken := names[one.Name]; taken {
						t.Fatalf("seed %d: %v and %v both give %v", seed, c.unit, other, one.Name)
					}
					names[one.Name] = c.unit
				}
			}
			slices.SortFunc(want, pair.Compare)
			var got []pair
			for p := range folded.readers.pairs.all() {
				got = append(got, *p)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d: the index has %v, want %v", seed, got, want)
			}
			if got := slices.Collect(folded.flawed.all()); !slices.Equal(got, flawed) {
				t.Fatalf("seed %d: %d cells are kept as having problems, want %d", seed, len(got), len(flawed))
			}
		}
	})
}

// TestWhatIsBuiltAgainAndEqualIsHeldOnce: neither the cluster of a service whose instance changed nor
// anything of one whose tags changed is another object.
func TestWhatIsBuiltAgainAndEqualIsHeldOnce(t *testing.T) {
	before := serve(t, eight(1))
	sick, tagged := eight(1), eight(1)
	sick.Instances[0].Health = catalog.Critical
	tagged.Instances[0].Tags = []string{"v2"}

	after, _ := before.Apply(catalog.Delta{Set: []catalog.Service{sick}})
	name := sick.Key.Name
	if &resource(t, before, ClusterType, name).Value[0] != &resource(t, after, ClusterType, name).Value[0] {
		t.Error("the equal cluster is held twice")
	}
	if resource(t, before, AssignmentType, name).Version == resource(t, after, AssignmentType, name).Version {
		t.Error("the assignment did not change, so this shows nothing")
	}
	if after, _ := before.Apply(catalog.Delta{Set: []catalog.Service{tagged}}); after.cells != before.cells {
		t.Error("nothing that clients see changed, and there is a new cell")
	}
}

// countingRules notes which units are built.
type countingRules struct {
	rules
	built map[unit]int
}

func (c *countingRules) build(u unit, read *reader) ([]Resource, []Problem) {
	c.built[u]++
	return c.rules.build(u, read)
}

// builtFrom is what a cell depends on.
func builtFrom(c *cell) []dependency {
	all := append(slices.Clone(c.reads), dependency{service: c.unit.service})
	if c.policy != nil {
		for _, k := range policy.EntryKeys(c.unit.service.Name) {
			all = append(all, dependency{entry: k})
		}
	}
	return all
}

// changedBy is what is another after a delta to a catalog.
func changedBy(d catalog.Delta, before catalog.Catalog) (all []dependency) {
	for _, s := range d.Set {
		all = append(all, dependency{service: s.Key})
		if _, was := before.Services[s.Key]; !was && s.Key.Site() != own("").Site() {
			all = append(all, sites(s.Key.Name))
		}
		all = append(all, folded(s.Key))
	}
	for _, k := range d.Gone {
		all = append(all, dependency{service: k}, folded(k))
		if k.Site() != own("").Site() {
			all = append(all, sites(k.Name))
		}
	}
	for _, e := range d.Entries {
		all = append(all, dependency{entry: e.Key})
	}
	for _, k := range d.GoneEntries {
		all = append(all, dependency{entry: k})
	}
	return all
}

// take makes what is read under a key the same as in another catalog.
func take(into, from catalog.Catalog, k dependency) {
	put := func(k catalog.ServiceKey) {
		delete(into.Services, k)
		if service, is := from.Services[k]; is {
			into.Services[k] = service
		}
	}
	switch {
	case k.entry != catalog.EntryKey{}:
		delete(into.Entries, k.entry)
		if entry, is := from.Entries[k.entry]; is {
			into.Entries[k.entry] = entry
		}
	case k.folded:
		for _, c := range []catalog.Catalog{into, from} {
			for other := range c.Services {
				if folded(other) == k {
					put(other)
				}
			}
		}
	case k.service.Datacenter == "":
		for _, c := range []catalog.Catalog{into, from} {
			for other := range c.Services {
				if other.Name == k.service.Name && other.Site() != own("").Site() {
					put(other)
				}
			}
		}
	default:
		put(k.service)
	}
}
