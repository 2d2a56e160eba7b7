package catalog

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// someCatalog is a catalog with some of a few services, each with some of a few instances.
func someCatalog(r *rand.Rand) Catalog {
	c := New()
	for n := range r.IntN(6) {
		key := ServiceKey{Datacenter: "dc" + strconv.Itoa(r.IntN(2)), Name: strconv.Itoa(n)}
		s := Service{Key: key}
		for i := range r.IntN(3) {
			s.Instances = append(s.Instances, Instance{ID: strconv.Itoa(i), Node: "n", Port: r.IntN(2)})
		}
		if r.IntN(3) == 0 {
			s = s.With(nil)
		}
		c.Services[key] = s
	}
	for n := range r.IntN(4) {
		key := EntryKey{[]string{ServiceDefaults, ServiceResolver}[r.IntN(2)], strconv.Itoa(n)}
		c.Entries[key] = Entry{Key: key, Protocol: strconv.Itoa(r.IntN(2))}
	}
	return c
}

func TestADifferenceLeadsFromOneCatalogToTheOther(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		a, b := someCatalog(r), someCatalog(r)
		before := Catalog{}.Apply(Catalog{}.Diff(a))
		d := a.Diff(b)
		if got := a.Apply(d); !got.Equal(b) || !a.Equal(before) {
			t.Fatalf("%v and %+v give %v, want %v", a, d, got, b)
		}
		if d.Empty() != a.Equal(b) || d.Empty() != (len(d.Set)+len(d.Gone)+len(d.Entries)+len(d.GoneEntries) == 0) {
			t.Fatalf("%+v is the difference of %v and %v", d, a, b)
		}
		if !slices.IsSortedFunc(d.Set, func(a, b Service) int { return a.Key.Compare(b.Key) }) || !slices.IsSortedFunc(d.Gone, ServiceKey.Compare) ||
			!slices.IsSortedFunc(d.Entries, func(a, b Entry) int { return a.Key.Compare(b.Key) }) || !slices.IsSortedFunc(d.GoneEntries, EntryKey.Compare) {
			t.Fatalf("not in order: %+v", d)
		}
		for _, s := range d.Set {
			if old, had := a.Services[s.Key]; had && old.Equal(s) || slices.Contains(d.Gone, s.Key) {
				t.Fatalf("%v is set for nothing", s.Key)
			}
		}
		for _, e := range d.Entries {
			if old, had := a.Entries[e.Key]; had && old.Equal(e) || slices.Contains(d.GoneEntries, e.Key) {
				t.Fatalf("%v is set for nothing", e.Key)
			}
		}
	}
	if got := (Catalog{}).Apply(Delta{}); got.Services == nil || got.Entries == nil {
		t.Error("a catalog that was applied to cannot be filled in")
	}
}

func TestKeysOfServices(t *testing.T) {
	for _, c := range []struct {
		key     ServiceKey
		reads   string
		askable bool
	}{
		{ServiceKey{Name: "web"}, "web", true},
		{ServiceKey{Datacenter: "dc1", Name: "web"}, "web.dc1", true},
		{ServiceKey{Datacenter: "dc1", Peer: "p", Name: "web"}, "web.p.peer.dc1", true},
		{ServiceKey{Name: "a b/ü"}, "a b/ü", true},
		{ServiceKey{Name: "a\tb"}, "a\tb", false},
		{ServiceKey{}, "", false},
	} {
		if c.key.String() != c.reads || c.key.Askable() != c.askable {
			t.Errorf("%q: reads %q, askable %v", c.key, c.key.String(), c.key.Askable())
		}
	}
	sorted := []ServiceKey{{"a", "z", "z"}, {"b", "a", "z"}, {"b", "b", "a"}, {"b", "b", "b"}}
	if !slices.IsSortedFunc(sorted, ServiceKey.Compare) {
		t.Error("keys are not ordered by datacenter, then peer, then name")
	}
}

// Two services differ if anything in them does that a client can see.
func TestWhatMakesTwoServicesDiffer(t *testing.T) {
	full := func() Service {
		return Service{
			Key: ServiceKey{Name: "web"},
			Instances: []Instance{{ID: "i", Node: "n", Address: "a", ServiceAddress: "s", NodeAddress: "m", Port: 1, SocketPath: "p",
				Health: Warning, Checks: []Check{{ID: "c"}}, Weights: Weights{1, 2}, Tags: []string{"t"}, Meta: map[string]string{"k": "v"},
				NodeMeta: map[string]string{"k": "v"}, Locality: Locality{"r", "z"}, Kind: "x", Ports: []Port{{Name: "p"}},
				Tagged: map[string]TaggedAddress{"lan": {Address: "l"}}}},
			Hosts: map[string]Host{"h": {Why: "w"}},
		}
	}
	for what, change := range map[string]func(*Service, *Instance){
		"key":             func(s *Service, _ *Instance) { s.Key.Name = "api" },
		"hosts":           func(s *Service, _ *Instance) { s.Hosts["h"] = Host{Why: "x"} },
		"former":          func(s *Service, i *Instance) { s.Former = []Instance{*i} },
		"id":              func(_ *Service, i *Instance) { i.ID = "j" },
		"node":            func(_ *Service, i *Instance) { i.Node = "o" },
		"address":         func(_ *Service, i *Instance) { i.Address = "b" },
		"service address": func(_ *Service, i *Instance) { i.ServiceAddress = "b" },
		"node address":    func(_ *Service, i *Instance) { i.NodeAddress = "b" },
		"port":            func(_ *Service, i *Instance) { i.Port = 2 },
		"socket":          func(_ *Service, i *Instance) { i.SocketPath = "q" },
		"health":          func(_ *Service, i *Instance) { i.Health = Critical },
		"checks":          func(_ *Service, i *Instance) { i.Checks[0].Node = true },
		"weights":         func(_ *Service, i *Instance) { i.Weights.Warning = 3 },
		"tags":            func(_ *Service, i *Instance) { i.Tags[0] = "u" },
		"meta":            func(_ *Service, i *Instance) { i.Meta["k"] = "w" },
		"node meta":       func(_ *Service, i *Instance) { i.NodeMeta["k"] = "w" },
		"locality":        func(_ *Service, i *Instance) { i.Locality.Zone = "y" },
		"kind":            func(_ *Service, i *Instance) { i.Kind = "y" },
		"ports":           func(_ *Service, i *Instance) { i.Ports[0].Port = 7 },
		"tagged":          func(_ *Service, i *Instance) { i.Tagged["wan"] = TaggedAddress{} },
		"":                func(_ *Service, i *Instance) { i.CreateIndex, i.ModifyIndex = 7, 8 },
	} {
		was, is := full(), full()
		change(&is, &is.Instances[0])
		if was.Equal(is) != (what == "") {
			t.Errorf("another %s: equal %v", what, was.Equal(is))
		}
	}
}

func TestHealthIsWrittenAsItsName(t *testing.T) {
	for h := Passing; h <= Maintenance; h++ {
		text, err := h.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		back := Health(99)
		if err := back.UnmarshalText(text); err != nil || back != h || string(text) != h.String() {
			t.Errorf("%s is read as %v: %v", text, uint8(back), err)
		}
	}
	if _, err := (Maintenance + 1).MarshalText(); err == nil {
		t.Error("a state that does not exist is written")
	}
	if h := Warning; h.UnmarshalText([]byte("fine")) == nil || h != Warning {
		t.Error("a state that does not exist is read")
	}
}

func TestInstancesAreFoundByTheirKey(t *testing.T) {
	at := func(ids ...string) (all []Instance) {
		for _, id := range ids {
			all = append(all, Instance{Node: id[:1], ID: id[1:]})
		}
		return all
	}
	ids := func(all []Instance) (ids string) {
		for _, i := range all {
			ids += i.Node + i.ID + " "
		}
		return ids
	}
	was, now := at("a1", "a3", "b1", "b2", "c1"), at("a1", "a2", "b2", "c0", "d1")
	for n, i := range was {
		if at, there := Find(was, i.Key()); at != n || !there {
			t.Errorf("%s%s is found at %d, %v", i.Node, i.ID, at, there)
		}
	}
	if at, there := Find(was, InstanceKey{"b", "0"}); at != 2 || there {
		t.Errorf("b0 is found at %d, %v", at, there)
	}
	if got := ids(Lacking(was, now)); got != "a3 b1 c1 " {
		t.Errorf("lost are %s", got)
	}
	if got := ids(Common(was, now)); got != "a1 b2 " {
		t.Errorf("left are %s", got)
	}
}
