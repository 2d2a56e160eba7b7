package translate

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"legate/discovery/catalog"
)

// TestFoldingDeltasGivesWhatTranslatingTheWholeGives is the second law of the seams: it does not
// matter by which way a catalog was reached, for resources, versions and problems alike.
func TestFoldingDeltasGivesWhatTranslatingTheWholeGives(t *testing.T) {
	eachSheet(t, func(t *testing.T, s sheet) {
		for seed := range uint64(50) {
			r := rand.New(rand.NewPCG(seed, 1))
			folded, now := s.empty(), catalog.Catalog{}
			for range 1 + r.IntN(12) {
				next := s.catalog(r)
				if r.IntN(2) == 0 {
					next = s.near(r, now)
				}
				folded, _ = folded.Apply(now.Diff(next))
				now = next
			}
			requireSame(t, fmt.Sprintf("seed %d", seed), folded, s.translated(now))
		}
	})
}

// TestApplyingADiffGivesTheOther is the first law, told for catalogs and for what a server
// makes of batches: whoever has the resources of one catalog and applies the batch has those of
// the other, and was told of nothing that it had already.
func TestApplyingADiffGivesTheOther(t *testing.T) {
	eachSheet(t, func(t *testing.T, s sheet) {
		for seed := range uint64(50) {
			r := rand.New(rand.NewPCG(seed, 2))
			a, b := s.catalog(r), s.catalog(r)
			if got := a.Apply(a.Diff(b)); !got.Equal(b) {
				t.Fatalf("seed %d: the catalog became %v, want %v", seed, got, b)
			}
			from, to := s.translated(a), s.translated(b)
			step, _ := from.Apply(a.Diff(b))
			requireLeads(t, fmt.Sprintf("seed %d, made anew", seed), from, to)
			requireLeads(t, fmt.Sprintf("seed %d, made by a step", seed), from, step)
		}
	})
}

// requireLeads applies the difference of two Resources as a server does, and that of their problems.
func requireLeads(t *testing.T, what string, from, to Resources) {
	t.Helper()
	batch := to.Diff(from)
	has := held(from)
	for _, set := range batch.Set {
		if old, ok := has[set.Name]; ok && old.Version == set.Version {
			t.Fatalf("%s: %v is sent again", what, set.Name)
		}
		has[set.Name] = set
	}
	for _, gone := range batch.Gone {
		if _, ok := has[gone]; !ok {
			t.Fatalf("%s: %v is taken away twice", what, gone)
		}
		delete(has, gone)
	}
	if !maps.EqualFunc(has, held(to), equalResource) {
		t.Fatalf("%s: the batch leads elsewhere", what)
	}
	requireSorted(t, batch)

	stand := map[Problem]int{}
	appeared, over := to.DiffProblems(from)
	for _, p := range slices.Concat(from.Problems(), appeared) {
		stand[p]++
	}
	for _, p := range slices.Concat(over, to.Problems()) {
		stand[p]--
	}
	for p, n := range stand {
		if n != 0 || slices.Contains(appeared, p) && slices.Contains(over, p) {
			t.Fatalf("%s: the difference of problems has %d of %v too many", what, n, p)
		}
	}
}

// TestTheOrderOfInstancesDoesNotMatter, nor do their ids: resources follow from what instances say.
func TestTheOrderOfInstancesDoesNotMatter(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for range 1000 {
		s := randomService(r, own("web"))
		want := held(serve(t, s))
		r.Shuffle(len(s.Instances), func(i, j int) { s.Instances[i], s.Instances[j] = s.Instances[j], s.Instances[i] })
		if !maps.EqualFunc(held(serve(t, s)), want, equalResource) {
			t.Fatalf("another order of %v gives other resources", s.Instances)
		}
	}
}

func requireSorted(t *testing.T, b Batch) {
	t.Helper()
	var set []string
	for _, r := range b.Set {
		set = append(set, order(r.Name))
	}
	var gone []string
	for _, n := range b.Gone {
		gone = append(gone, order(n))
	}
	for _, names := range [][]string{set, gone} {
		if !slices.IsSorted(names) {
			t.Fatalf("a batch lists %q", names)
		}
	}
}

// order sorts clusters before assignments, and these before secrets.
func order(n Name) string {
	return map[string]string{ClusterType: "1 ", AssignmentType: "2 ", SecretType: "3 "}[n.Type] + n.Name
}

func held(r Resources) map[Name]Resource {
	all := map[Name]Resource{}
	for one := range r.All() {
		all[one.Name] = one
	}
	return all
}

func equalResource(a, b Resource) bool {
	return a.Name == b.Name && a.Version == b.Version && string(a.Value) == string(b.Value)
}

func requireSame(t *testing.T, what string, got, want Resources) {
	t.Helper()
	all := slices.Collect(got.All())
	if !slices.EqualFunc(all, slices.Collect(want.All()), equalResource) {
		t.Fatalf("%s: other resources", what)
	}
	if !slices.IsSortedFunc(all, func(a, b Resource) int { return cmp.Compare(order(a.Name), order(b.Name)) }) {
		t.Fatalf("%s: the resources are in another order", what)
	}
	if g, w := got.Problems(), want.Problems(); !slices.Equal(g, w) {
		t.Fatalf("%s: problems\n%v\nwant\n%v", what, g, w)
	}
	if b := got.Diff(want); len(b.Set)+len(b.Gone) > 0 {
		t.Fatalf("%s: equal resources differ by %v", what, b)
	}
}

// randomCatalog is small and full of collisions and quirks, so that steps between two of them
// change, add, remove, repair and spoil services.
func randomCatalog(r *rand.Rand) catalog.Catalog {
	c := catalog.New()
	for _, name := range []string{"web", "Web", "web.grpc.port", "api.v2", "db", "*", "a b", "", "x\x00"} {
		if r.IntN(3) > 0 {
			s := randomService(r, own(name))
			c.Services[s.Key] = s
		}
	}
	for _, name := range []string{"web.dc2", "web.grpc.port.p.peer", "web@dc2", "web@dc3", "web@p.peer", "web.grpc.port@p.peer", "web.p@peer", "web.grpc@port", "db@dc2", "far@dc2", "far@dc3"} {
		if r.IntN(4) == 0 {
			s := randomService(r, keyOf(name))
			c.Services[s.Key] = s
		}
	}
	near := catalog.EntryKey{Kind: catalog.Datacenters, Name: catalog.NearestEntry}
	c.Entries[near] = catalog.Entry{Key: near, Datacenters: pick(r, nil, []string{"dc2", "dc3"}, []string{"dc3", "dc2"}, []string{"dc2"})}
	if k := (catalog.EntryKey{Kind: catalog.ServiceDefaults, Name: "web"}); r.IntN(4) == 0 {
		c.Entries[k] = catalog.Entry{Key: k, Protocol: pick(r, "http2", "tcp")}
	}
	for _, name := range []string{"web", "db", "virtual", "v2.web"} {
		if k := (catalog.EntryKey{Kind: catalog.ServiceResolver, Name: name}); r.IntN(3) == 0 {
			c.Entries[k] = catalog.Entry{Key: k, Resolver: randomResolver(r)}
		}
	}
	if k := (catalog.ServiceKey{Datacenter: "dc2", Peer: "q", Name: "web"}); r.IntN(8) == 0 {
		c.Services[k] = catalog.Service{Key: k}
	}
	return c
}

func randomService(r *rand.Rand, k catalog.ServiceKey) catalog.Service {
	s := catalog.Service{Key: k, Hosts: map[string]catalog.Host{
		"db.example": {Addresses: pick(r, nil, []netip.Addr{netip.MustParseAddr("10.0.0.2")}, []netip.Addr{netip.IPv6Loopback(), netip.IPv4Unspecified()})},
	}}
	for id := range r.IntN(5) {
		s.Instances = append(s.Instances, catalog.Instance{
			Node: "n", ID: fmt.Sprint(id),
			Address:    pick(r, "10.0.0.1", "10.0.0.2", "10.0.0.3", "::1", "::ffff:10.0.0.1", "db.example", "10.0.0.256", ""),
			Port:       pick(r, 80, 80, 81, 0, 65536),
			Ports:      pick(r, nil, nil, []catalog.Port{{Name: "grpc", Port: pick(r, 82, 83, 0)}, {Name: "http", Port: 80, Default: true}}, []catalog.Port{{Name: "a.b", Port: 1}, {Name: "grpc", Port: 84, Default: true}}),
			SocketPath: pick(r, "", "", "", "/run/s", "s"),
			Health:     catalog.Health(r.IntN(4)),
			Weights:    catalog.Weights{Passing: pick(r, 1, 1, 10, -1, 1<<32-1, 1<<40), Warning: pick(r, 0, 1)},
			Locality:   catalog.Locality{Region: pick(r, "", "", "eu", "e\nu"), Zone: pick(r, "", "a")},
			Meta:       pick(r, nil, nil, nil, map[string]string{"legate-failover": pick(r, "dc2", "none", "nearest", "dc2, dc3")}),
			NodeMeta:   map[string]string{"zone": pick(r, "", "b")},
		})
	}
	if r.IntN(4) == 0 {
		return s.With(nil)
	}
	return s
}

// randomResolver may be one that Consul would refuse, or whose filters cannot be evaluated.
func randomResolver(r *rand.Rand) catalog.Resolver {
	target := func() catalog.Target {
		return catalog.Target{Service: pick(r, "", "", "web", "db", "far", "virtual"), Subset: pick(r, "", "", "v2"), Datacenter: pick(r, "", "dc1", "dc2", "dc3"),
			Peer: pick(r, "", "", "", "p"), Namespace: pick(r, "", "", "", "", "", "", "", "eu")}
	}
	resolver := catalog.Resolver{Subsets: map[string]catalog.Subset{}}
	for range 1 + r.IntN(3) {
		resolver.Subsets[pick(r, "v1", "v2", "web", "a\nb")] = catalog.Subset{OnlyPassing: r.IntN(2) == 0,
			Filter: pick(r, "", "Service.ID == 1", "Checks is empty and Service.Port == 80", "Service.Foo == 1", "Node.Datacenter == dc1")}
	}
	resolver.DefaultSubset = pick(r, "", "", "v1", "v2")
	to := target()
	switch r.IntN(3) {
	case 0:
		resolver.Redirect = &to
	case 1:
		resolver.Failover = map[string]catalog.Failover{pick(r, catalog.AnySubset, "v2"): {Targets: []catalog.Target{to, target(), target()}}}
	}
	return resolver
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }
