package translate

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

// assigned is an assignment in short: each group's place and priority.
func assigned(t *testing.T, r Resource) string {
	t.Helper()
	var all []string
	for _, group := range groupsOf(t, r) {
		l := localityIn(group)
		all = append(all, fmt.Sprintf("%s/%s=%d", l.Region, l.Zone, group.Priority))
	}
	return strings.Join(all, " ")
}

func groupsOf(t *testing.T, r Resource) []*endpointv3.LocalityLbEndpoints {
	t.Helper()
	a, err := r.assignment()
	if err != nil {
		t.Fatal(err)
	}
	return a.GetEndpoints()
}

// ranked is an assignment with an endpoint in each of these places, of which some are at another site: that is said by
// a rank behind the place.
func ranked(t *testing.T, near Near, at ...string) Resource {
	t.Helper()
	var endpoints []endpoint
	for n, one := range at {
		var e endpoint
		region, zone, _ := strings.Cut(one, "/")
		zone, rank, _ := strings.Cut(zone, "@")
		if rank != "" {
			_, _ = fmt.Sscan(rank, &e.rank)
		}
		e.address, e.locality, e.weight = address{host: fmt.Sprintf("10.0.0.%d", n+1), port: 80}, catalog.Locality{Region: region, Zone: zone}, 1
		endpoints = append(endpoints, e)
	}
	r, err := encode(Name{AssignmentType, "web"}, assignment("web", policy.Policy{}, distinct(endpoints)))
	if err != nil {
		t.Fatal(err)
	}
	r.Near = near
	return r
}

func TestTheNearestComeFirstWithinEachSite(t *testing.T) {
	zones := []string{"eu/a", "eu/b", "us/a"}
	for _, c := range []struct {
		by   Nearness
		from Place
		at   []string
		want string
	}{
		{ByZone, Place{Region: "eu", Zone: "b"}, zones, "eu/b=0 eu/a=1 us/a=2"},
		{ByZone, Place{Region: "us", Zone: "a"}, zones, "us/a=0 eu/a=1 eu/b=1"},
		{ByZone, Place{Region: "eu"}, zones, "eu/a=0 eu/b=0 us/a=1"},
		{ByZone, Place{Region: "eu", Zone: "z"}, zones, "eu/a=0 eu/b=0 us/a=1"}, // nobody is there
		{ByZone, Place{Region: "ap", Zone: "a"}, zones, "eu/a=0 eu/b=0 us/a=0"},
		{ByZone, Place{}, zones, "eu/a=0 eu/b=0 us/a=0"},
		{ByRegion, Place{Region: "eu", Zone: "b"}, zones, "eu/a=0 eu/b=0 us/a=1"},
		{Anywhere, Place{Region: "eu", Zone: "b"}, zones, "eu/a=0 eu/b=0 us/a=0"},
		// A zone of the same name at another site is no nearer than another zone of the own site.
		{ByZone, Place{Region: "eu", Zone: "b"}, []string{"eu/a", "eu/a@1", "eu/b@1"}, "eu/a=0 eu/b=1 eu/a=2"},
		{ByZone, Place{Region: "eu", Zone: "a"}, []string{"eu/a", "us/a", "eu/a@1", "us/a@1"}, "eu/a=0 us/a=1 eu/a=2 us/a=3"},
	} {
		r, err := ranked(t, Near{By: c.by}, c.at...).From(c.from)
		if got := assigned(t, r); err != nil || got != c.want {
			t.Errorf("%v from %v: %s %v, want %s", c.at, c.from, got, err, c.want)
		}
	}
}

// TestOneHealthyEndpointNearbyKeepsTheTraffic, unless the policy lets it spill over: Envoy's own factor would send
// away a part of it as soon as fewer than 1/1.4 of the near ones are healthy.
func TestOneHealthyEndpointNearbyKeepsTheTraffic(t *testing.T) {
	for says, want := range map[string]uint32{"prefer: zone": 400, "prefer: zone, failover_when: degraded": 0, "prefer: zone, overprovisioning_factor: 150": 150} {
		policies, err := policy.Parse([]policy.File{{Name: "policy.yaml", Content: []byte("defaults: {" + says + "}")}})
		if err != nil {
			t.Fatal(err)
		}
		none, _ := empty().With(policies)
		s := eight(1)
		s.Instances = s.Instances[:4]
		for i := range s.Instances {
			s.Instances[i].Locality = catalog.Locality{Region: "eu", Zone: []string{"a", "b"}[i%2]}
		}
		s.Instances[0].Health, s.Instances[0].Weights.Warning = catalog.Warning, 0 // degraded: without a zone, Envoy's factor does not do then
		r, _ := none.Apply(catalog.Delta{Set: []catalog.Service{s}})
		placed, err := resource(t, r, AssignmentType, s.Key.Name).From(Place{Region: "eu", Zone: "a"})
		if err != nil {
			t.Fatal(err)
		}
		if a, err := placed.assignment(); err != nil || a.GetPolicy().GetOverprovisioningFactor().GetValue() != want {
			t.Errorf("%s: %v %v, want the factor %d", says, a.GetPolicy(), err, want)
		}
		x, _ := r.Explain(s.Key.Name)
		if got := x.From(Place{Region: "eu", Zone: "a"}).Overprovisioning; got != want {
			t.Errorf("%s: the explanation has the factor %d, want %d", says, got, want)
		}
	}
}

// TestALocalityWeighsForANodeByTheFactorThatItGets: what Envoy takes off a locality's weight follows from the factor,
// which is another one where nearness makes several priorities of one.
func TestALocalityWeighsForANodeByTheFactorThatItGets(t *testing.T) {
	for _, c := range []struct {
		near  Near
		sick  state
		usual string
		want  string
	}{
		{Near{By: ByRegion}, critical, "eu/a=4 eu/b=2 us/a=2", "eu/a=2 eu/b=2 us/a=2"},
		{Near{By: ByRegion}, degraded, "eu/a=2 eu/b=2 us/a=2", "eu/a=2 eu/b=2 us/a=2"},
		{Near{By: ByRegion, Spills: true}, degraded, "eu/a=2 eu/b=2 us/a=2", "eu/a=4 eu/b=2 us/a=2"},
		{Near{By: ByRegion, Fixed: true}, critical, "eu/a=4 eu/b=2 us/a=2", "eu/a=4 eu/b=2 us/a=2"},
	} {
		var endpoints []endpoint
		for n, at := range []catalog.Locality{{Region: "eu", Zone: "a"}, {Region: "eu", Zone: "a"}, {Region: "eu", Zone: "b"}, {Region: "us", Zone: "a"}} {
			endpoints = append(endpoints, endpoint{address: address{host: fmt.Sprintf("10.0.0.%d", n+1), port: 80}, locality: at, weight: 2})
		}
		endpoints[0].state = c.sick
		usual, err := encode(Name{AssignmentType, "web"}, assignment("web", policy.Policy{}, endpoints))
		if err != nil {
			t.Fatal(err)
		}
		usual.Near = c.near
		placed, err := usual.From(Place{Region: "eu"})
		if err != nil {
			t.Fatal(err)
		}
		for r, want := range map[*Resource]string{&usual: c.usual, &placed: c.want} {
			var all []string
			for _, group := range groupsOf(t, *r) {
				l := localityIn(group)
				all = append(all, fmt.Sprintf("%s/%s=%d", l.Region, l.Zone, group.GetLoadBalancingWeight().GetValue()))
			}
			if got := strings.Join(all, " "); got != want {
				t.Errorf("%+v: the localities weigh %s, want %s", c, got, want)
			}
		}
	}
}

// TestAPlaceChangesPrioritiesOnly: whatever the service, its endpoints and their weights are those of everybody, sites
// come before distances, and places that are seen as one get the same bytes.
func TestAPlaceChangesPrioritiesOnly(t *testing.T) {
	several := 0
	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 31))
		endpoints := make([]endpoint, r.IntN(8))
		for i := range endpoints {
			endpoints[i] = endpoint{address: address{host: fmt.Sprintf("10.0.0.%d", i+1), port: 80}, rank: pick[uint32](r, 0, 0, 3, 7),
				locality: catalog.Locality{Region: pick(r, "eu", "us"), Zone: pick(r, "", "a", "b")}, weight: 1 + r.Uint64N(3), state: pick(r, passing, degraded)}
		}
		usual, err := encode(Name{AssignmentType, "web"}, assignment("web", policy.Default(), distinct(endpoints)))
		if err != nil {
			t.Fatal(err)
		}
		usual.Near = Near{By: pick(r, ByRegion, ByZone), Spills: r.IntN(2) == 0}
		from := Place{Region: pick(r, "eu", "us", "ap", ""), Zone: pick(r, "", "a", "b", "c")}
		placed, err := usual.From(from)
		if err != nil {
			t.Fatal(err)
		}
		requirePlaced(t, seed, usual, placed, from)
		localities, err := usual.Localities()
		if err != nil {
			t.Fatal(err)
		}
		alike := map[int]Resource{}
		for _, region := range []string{"eu", "us", "ap", ""} {
			for _, zone := range []string{"", "a", "b", "c", "d"} {
				one, err := usual.From(Place{Region: region, Zone: zone})
				if err != nil {
					t.Fatal(err)
				}
				seen := usual.Near.Seen(Place{Region: region, Zone: zone}, localities)
				if other, is := alike[seen]; is && !equalResource(one, other) || seen == 0 && !equalResource(one, usual) {
					t.Fatalf("seed %d: %s/%s is seen as %d, and gets other bytes", seed, region, zone, seen)
				}
				alike[seen] = one
			}
		}
		if len(alike) > len(localities)+3 {
			t.Fatalf("seed %d: %d places are told apart, of %v", seed, len(alike), localities)
		}
		if placed.Version != usual.Version {
			several++
		}
	}
	if several < 200 {
		t.Errorf("only %d assignments were others in their place", several)
	}
}

func requirePlaced(t *testing.T, seed uint64, usual, placed Resource, from Place) {
	t.Helper()
	if (string(usual.Value) == string(placed.Value)) != (usual.Version == placed.Version) {
		t.Fatalf("seed %d: the versions do not say whether the bytes are equal", seed)
	}
	was := map[string]uint32{} // the usual priority by all else that is said of a group
	key := func(g *endpointv3.LocalityLbEndpoints) string {
		return fmt.Sprint(localityIn(g), g.LbEndpoints)
	}
	for _, g := range groupsOf(t, usual) {
		was[key(g)] = g.Priority
	}
	groups := groupsOf(t, placed)
	if len(was) != len(groups) {
		t.Fatalf("seed %d: %d groups of %d", seed, len(groups), len(was))
	}
	order := func(g *endpointv3.LocalityLbEndpoints) [2]int {
		old, is := was[key(g)]
		if !is {
			t.Fatalf("seed %d: %v was not there", seed, g)
		}
		return [2]int{int(old), int(usual.Near.distance(from, localityIn(g)))}
	}
	for i, g := range groups {
		want := uint32(0)
		if i > 0 {
			want = groups[i-1].Priority
			switch c := slices.Compare(arr(order(groups[i-1])), arr(order(g))); {
			case c > 0:
				t.Fatalf("seed %d: from %v: %s", seed, from, assigned(t, placed))
			case c < 0:
				want++
			}
		}
		if g.Priority != want {
			t.Fatalf("seed %d: from %v: %s: the priority is to be %d", seed, from, assigned(t, placed), want)
		}
	}
}

func arr(a [2]int) []int { return a[:] }

// TestAnExplanationHasThePrioritiesThatANodeGets, as its assignment does, whatever the service.
func TestAnExplanationHasThePrioritiesThatANodeGets(t *testing.T) {
	policies, err := policy.Parse([]policy.File{{Name: "policy.yaml", Content: []byte("defaults: {prefer: zone}")}})
	if err != nil {
		t.Fatal(err)
	}
	none, _ := empty().With(policies)
	several := 0
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 32))
		s := randomService(r, own("web"))
		for i := range s.Instances {
			s.Instances[i].Locality, s.Instances[i].Address, s.Instances[i].SocketPath = catalog.Locality{Region: pick(r, "eu", "us"), Zone: pick(r, "a", "b")}, fmt.Sprintf("10.0.0.%d", i+1), ""
		}
		served, _ := none.Apply(catalog.Delta{Set: []catalog.Service{s}})
		place := Place{Region: pick(r, "eu", "us", "ap"), Zone: pick(r, "a", "b", "c")}
		placed, err := resource(t, served, AssignmentType, "web").From(place)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]uint32{}
		for _, g := range groupsOf(t, placed) {
			for _, e := range g.LbEndpoints {
				at := e.GetEndpoint().GetAddress().GetSocketAddress()
				want[fmt.Sprintf("%s:%d", at.GetAddress(), at.GetPortValue())] = g.Priority
			}
			several = max(several, int(g.Priority))
		}
		x, _ := served.Explain("web")
		got := map[string]uint32{}
		for _, b := range x.From(place).Instances {
			for _, e := range b.Endpoints {
				got[e.Address] = e.Priority
			}
		}
		if !maps.Equal(got, want) {
			t.Fatalf("seed %d: from %v: %v, want %v", seed, place, got, want)
		}
	}
	if several < 2 {
		t.Error("no assignment had three priorities: this shows too little")
	}
}

// TestAPreferenceAloneIsAChange: the bytes for nodes that stand nowhere are the same, with the same version, and who keeps
// others hears of it.
func TestAPreferenceAloneIsAChange(t *testing.T) {
	plain := serve(t, eight(1))
	policies, err := policy.Parse([]policy.File{{Name: "policy.yaml", Content: []byte("defaults: {prefer: zone}")}})
	if err != nil {
		t.Fatal(err)
	}
	preferring, _ := plain.With(policies)
	name := eight(1).Key.Name
	was, is := resource(t, plain, AssignmentType, name), resource(t, preferring, AssignmentType, name)
	if !equalResource(was, is) || is.Near != (Near{By: ByZone}) {
		t.Errorf("%v became %v", was, is)
	}
	for _, step := range []struct{ from, to Resources }{{plain, preferring}, {preferring, plain}} {
		batch := step.to.Diff(step.from)
		if len(batch.Set) != 1 || len(batch.Gone) != 0 || batch.Set[0].Type != AssignmentType {
			t.Errorf("the batch is %v", batch)
		}
	}
	// The owner says so, with the last instance as without.
	s := eight(1)
	for i := range s.Instances {
		s.Instances[i].Meta = map[string]string{"legate-prefer": "region"}
	}
	owned, _ := plain.Apply(catalog.Delta{Set: []catalog.Service{s}})
	if got := resource(t, owned, AssignmentType, name); got.Near != (Near{By: ByRegion}) {
		t.Errorf("the owner's word made %+v", got.Near)
	}
}
