package translate

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"legate/discovery/catalog"
)

// TestWhatIsNotNeededChangesNothing: of random catalogs, a service elsewhere that nothing needs can come and go, and
// nothing is another. And what begins or ceases to be needed is told.
func TestWhatIsNotNeededChangesNothing(t *testing.T) {
	needed, not := 0, 0
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 41))
		config := failingOver()
		config.Remote = false
		now := randomCatalog(r)
		before, _ := New(config).Apply(catalog.Catalog{}.Diff(now))
		for _, text := range []string{"web@dc2", "web@dc3", "web@p.peer", "web@q.peer", "db@dc2", "db@q.peer", "new@dc2", "new@dc4", "web", "db", "new", "Web"} {
			k := keyOf(text)
			s := randomService(r, k)
			for i := range s.Instances {
				s.Instances[i].Meta = map[string]string{"legate-failover": "none"}
			}
			d := catalog.Delta{Set: []catalog.Service{s}}
			if _, is := now.Services[k]; is {
				d = catalog.Delta{Gone: []catalog.ServiceKey{k}}
			}
			if k.Site() == config.site() { // that it is needed here says nothing of its own cluster
				with, _ := before.Apply(d)
				told(t, seed, before, with)
				without, _ := with.Apply(catalog.Delta{Gone: []catalog.ServiceKey{k}})
				told(t, seed, with, without)
				continue
			}
			after, _ := before.Apply(d)
			b := after.Diff(before)
			if !before.Needs(k) {
				if not++; len(b.Set)+len(b.Gone) > 0 {
					t.Fatalf("seed %d: %v is not needed, and changes %v", seed, k, b)
				}
			} else if needed++; len(before.ReadBy(k)) == 0 {
				t.Fatalf("seed %d: %v is needed by nothing", seed, k)
			}
			told(t, seed, before, after)
		}
	}
	if needed < 50 || not < 50 {
		t.Errorf("%d were needed and %d not", needed, not)
	}
}

// told fails unless all is told that begins or ceases to be needed. It returns whether that may be anything.
func told(t *testing.T, seed uint64, before, after Resources) bool {
	t.Helper()
	keys, all := after.DiffReads(before)
	for _, text := range []string{"web@dc2", "web@dc3", "web@dc4", "db@dc2", "db@dc3", "new@dc2", "new@dc3", "Web@dc2", "web@p.peer", "db@p.peer", "web", "db", "new", "Web", "api.v2"} {
		if k := keyOf(text); !all && after.Needs(k) != before.Needs(k) && !slices.ContainsFunc(keys, func(one catalog.ServiceKey) bool {
			return one.Site() == k.Site() && strings.EqualFold(one.Name, k.Name)
		}) {
			t.Fatalf("seed %d: nobody is told that %v is needed: %t", seed, k, after.Needs(k))
		}
	}
	return all
}

// TestAnEntryHasOnlyThoseLookedAtThatItConcerns: a config entry comes, changes or goes, and what begins or ceases to be needed
// by that is told, and not that it may be anything. Only another set of datacenters concerns all.
func TestAnEntryHasOnlyThoseLookedAtThatItConcerns(t *testing.T) {
	some := 0
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 47))
		config := failingOver()
		config.Remote = r.IntN(2) == 0
		now := randomCatalog(r)
		before, _ := New(config).Apply(catalog.Catalog{}.Diff(now))
		for range 6 {
			k := catalog.EntryKey{Kind: pick(r, catalog.ServiceDefaults, catalog.ServiceResolver, catalog.ServiceResolver), Name: pick(r, "web", "db", "new", "virtual")}
			e := catalog.Entry{Key: k, Protocol: "http2"}
			if k.Kind == catalog.ServiceResolver {
				e.Resolver = randomResolver(r)
			}
			d := catalog.Delta{Entries: []catalog.Entry{e}}
			if _, is := before.Entry(k); is && r.IntN(3) == 0 {
				d = catalog.Delta{GoneEntries: []catalog.EntryKey{k}}
			}
			after, _ := before.Apply(d)
			if r.IntN(2) == 0 {
				after, _, _ = before.Take(d)
			}
			if told(t, seed, before, after) {
				t.Fatalf("seed %d: %v concerns all", seed, k)
			}
			keys, _ := after.DiffReads(before)
			some += len(keys)
			before = after
		}
		near := func(datacenters ...string) Resources {
			rs, _ := before.Apply(catalog.Delta{Entries: []catalog.Entry{{Key: catalog.EntryKey{Kind: catalog.Datacenters, Name: catalog.NearestEntry}, Datacenters: datacenters}}})
			return rs
		}
		both := near("dc2", "dc3")
		if told(t, seed, both, near("dc3", "dc2")) || !told(t, seed, both, near("dc2")) {
			t.Fatalf("seed %d: another order concerns all, or another set does not", seed)
		}
	}
	if some < 100 {
		t.Errorf("%d services were told of: this shows too little", some)
	}
}

// Before the first catalog is translated there are no Resources, and somebody may ask them already.
func TestNothingIsNeededBeforeTheFirstCatalog(t *testing.T) {
	var none Resources
	if k := keyOf("web@dc2"); none.Needs(k) || len(none.ReadBy(k)) > 0 || len(slices.Concat(none.Reads("web"))) > 0 {
		t.Errorf("%v is needed: by %v", k, none.ReadBy(k))
	}
}

// What a cluster reads is read by it: also of a name that nothing has yet, and of one that a redirect alone makes.
func TestWhatAClusterReadsIsReadByIt(t *testing.T) {
	both := 0
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 43))
		now, _ := New(failingOver()).Apply(catalog.Catalog{}.Diff(randomCatalog(r)))
		for _, cluster := range append(now.Served(), "new") {
			for _, k := range slices.Concat(now.Reads(cluster)) {
				if both++; !slices.Contains(now.ReadBy(k), cluster) && k != keyOf("new") {
					t.Fatalf("seed %d: %s reads %v, which is read by %v", seed, cluster, k, now.ReadBy(k))
				}
			}
		}
	}
	if both < 500 {
		t.Errorf("only %d services are read", both)
	}
}

// A name that nothing has can be that of a port, and its service would be served from elsewhere.
func TestWhatANameWouldBeServedFromWhateverItStandsFor(t *testing.T) {
	r, _ := New(failingOver()).Apply(catalog.Delta{})
	for cluster, want := range map[string]string{"new": "new@dc3", "new.http.port": "new@dc3", "new.dc2": "new@dc2"} {
		if got, _ := r.Reads(cluster); !slices.Contains(got, keyOf(want)) {
			t.Errorf("%s would be served from %v, want %s among them", cluster, got, want)
		}
	}
}
