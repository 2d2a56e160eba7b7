package changes

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"legate/discovery/catalog"
)

// some returns one of these.
func some[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// someInstance is an instance with the key, whose fields are drawn from few values, so that two of them are often
// equal in some.
func someInstance(r *rand.Rand, node, id string) catalog.Instance {
	i := catalog.Instance{
		Node: node, ID: id, Address: some(r, "10.0.0.1", "10.0.0.2", "fd00::1", ""), NodeAddress: some(r, "10.0.0.1", "10.0.0.9", ""),
		ServiceAddress: some(r, "", "10.0.0.1", "10.0.0.2"), Port: some(r, 0, 80, 81), SocketPath: some(r, "", "", "/run/web.sock"),
		Health: catalog.Health(r.IntN(4)), Weights: catalog.Weights{Passing: 1 + r.IntN(2), Warning: r.IntN(2)},
		Locality: catalog.Locality{Region: some(r, "", "eu"), Zone: some(r, "", "a", "b")}, Kind: some(r, "", "x"),
	}
	for n := range r.IntN(3) {
		i.Checks = append(i.Checks, catalog.Check{ID: fmt.Sprint("c", n), Status: some(r, "passing", "critical", "warning"), Node: r.IntN(2) == 0})
		i.Ports = append(i.Ports, catalog.Port{Name: fmt.Sprint("p", n), Port: 80 + r.IntN(2), Default: r.IntN(2) == 0})
		i.Tags = append(i.Tags, some(r, "a", "b", "c"))
	}
	slices.Sort(i.Tags)
	for _, m := range []*map[string]string{&i.Meta, &i.NodeMeta} {
		for range r.IntN(3) {
			if *m == nil {
				*m = map[string]string{}
			}
			(*m)[some(r, "k", "l")] = some(r, "", "1", "2", `""`)
		}
	}
	if r.IntN(3) == 0 {
		i.Tagged = map[string]catalog.TaggedAddress{"wan": {Address: some(r, "1.2.3.4", ""), Port: r.IntN(2)}}
	}
	return i
}

func someService(r *rand.Rand) *catalog.Service {
	if r.IntN(6) == 0 {
		return nil
	}
	s := &catalog.Service{Key: catalog.ServiceKey{Name: "web"}, Index: r.Uint64()}
	for _, key := range []string{"a1", "a2", "b1"} {
		if r.IntN(3) > 0 {
			s.Instances = append(s.Instances, someInstance(r, key[:1], key[1:]))
		}
	}
	if r.IntN(4) == 0 {
		s.Hosts = map[string]catalog.Host{"h": {Why: some(r, "", "gone"), Addresses: some(r, nil, []netip.Addr{netip.MustParseAddr("10.1.1.1")})}}
	}
	return s
}

// allFields are all that an instance says: it is compared with one that is like no other in anything.
func allFields(i *catalog.Instance) fields {
	of, _ := instanceFields(i, &catalog.Instance{
		Address: "no", Health: (i.Health + 1) % (catalog.Maintenance + 1), Weights: catalog.Weights{Passing: -1}, Locality: catalog.Locality{Zone: "no"}, Kind: "no",
		Checks: []catalog.Check{{ID: "no"}}, Ports: []catalog.Port{{Name: "no"}}, Tags: []string{"no"},
		Tagged: map[string]catalog.TaggedAddress{"no": {}}, Meta: map[string]string{"no": ""}, NodeMeta: map[string]string{"no": ""},
	})
	return of
}

// replayed is a list of fields after the lines of one instance.
func replayed(t *testing.T, f fields, lines []Line) fields {
	t.Helper()
	for _, l := range lines {
		if l.From != "" {
			n := slices.Index(f, field{l.What, l.Key, l.From})
			if n < 0 {
				t.Fatalf("%+v takes away what was not there: %v", l, f)
			}
			f = slices.Delete(f, n, n+1)
		}
		if l.To != "" {
			f = append(f, field{l.What, l.Key, l.To})
		}
	}
	slices.SortFunc(f, func(a, b field) int {
		if c := a.compare(b); c != 0 {
			return c
		}
		return strings.Compare(a.value, b.value)
	})
	return f
}

// What the lines say is exactly the difference: played on what was they give what is, each of them changes something,
// and where nothing differs there is none.
func TestTheLinesAreExactlyTheDifference(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 1))
	for range 5000 {
		from, to := someService(r), someService(r)
		if from != nil && r.IntN(3) == 0 { // one that differs in one instance only
			same := *from
			same.Instances = slices.Clone(from.Instances)
			if n := len(same.Instances); n > 0 {
				one := &same.Instances[r.IntN(n)]
				*one = someInstance(r, one.Node, one.ID)
			}
			to = &same
		}
		c := OfService(from, to)
		if c.More > 0 {
			continue // the lines are not all there: see TestAChangeIsBounded
		}
		var was, is catalog.Service
		if from != nil {
			was = *from
		}
		if to != nil {
			is = *to
		}
		equal := (from == nil) == (to == nil) && slices.EqualFunc(was.Instances, is.Instances, catalog.Instance.Equal) && maps.EqualFunc(was.Hosts, is.Hosts, catalog.Host.Equal)
		if equal != (len(c.Lines) == 0) {
			t.Fatalf("%+v and %+v: equal %v, and %v", from, to, equal, c.Lines)
		}
		there := map[string]fields{}
		for i := range was.Instances {
			there[name(&was.Instances[i])] = allFields(&was.Instances[i])
		}
		byInstance := map[string][]Line{}
		ups, downs, touched := 0, 0, map[string]bool{}
		for _, l := range c.Lines {
			if l.From == l.To && l.Op == Tilde {
				t.Fatalf("%+v says nothing", l)
			}
			byInstance[l.Instance] = append(byInstance[l.Instance], l)
			switch {
			case l.What == "instance" && l.Op == Plus:
				ups++
				if _, was := there[l.Instance]; was {
					t.Fatalf("%+v was there", l)
				}
				n, found := catalog.Find(is.Instances, keyOf(l.Instance))
				if !found || reached(&is.Instances[n]) != l.Address {
					t.Fatalf("%+v is not there", l)
				}
				there[l.Instance] = allFields(&is.Instances[n])
				byInstance[l.Instance] = nil
			case l.What == "instance" && l.Op == Minus:
				downs++
				if _, was := there[l.Instance]; !was {
					t.Fatalf("%+v was not there", l)
				}
				delete(there, l.Instance)
				byInstance[l.Instance] = nil
			case l.Instance != "":
				touched[l.Instance] = true
			}
		}
		if ups != c.Added || downs != c.Removed || len(touched) != c.Altered {
			t.Fatalf("%d, %d and %d are counted: %v", c.Added, c.Removed, c.Altered, c.Lines)
		}
		for i := range is.Instances {
			key := name(&is.Instances[i])
			got, want := replayed(t, there[key], byInstance[key]), replayed(t, allFields(&is.Instances[i]), nil)
			if !slices.Equal(got, want) {
				t.Fatalf("%v\ngives %v\nwant  %v", byInstance[key], got, want)
			}
			delete(there, key)
		}
		if len(there) > 0 {
			t.Fatalf("%v are still there after %v", there, c.Lines)
		}
		var hosts []Line
		for _, l := range byInstance[""] {
			if l.What == "host" {
				hosts = append(hosts, l)
			}
		}
		if got, want := replayed(t, hostFields(was.Hosts), hosts), hostFields(is.Hosts); !slices.Equal(got, want) {
			t.Fatalf("%v gives %v, want %v", hosts, got, want)
		}
	}
}

func keyOf(name string) catalog.InstanceKey {
	node, id, _ := strings.Cut(name, "/")
	return catalog.InstanceKey{Node: node, ID: id}
}

// Each single difference has its words.
func TestWordsOfADifference(t *testing.T) {
	web := func(change func(*catalog.Instance)) *catalog.Service {
		i := catalog.Instance{ID: "web-1", Node: "n1", Address: "10.0.0.7", ServiceAddress: "10.0.0.7", NodeAddress: "10.0.0.7", Port: 80,
			Weights: catalog.Weights{Passing: 1, Warning: 1}, Checks: []catalog.Check{{ID: "serfHealth", Status: "passing", Node: true}, {ID: "web:http", Status: "passing"}}}
		if change != nil {
			change(&i)
		}
		return &catalog.Service{Key: catalog.ServiceKey{Datacenter: "dc1", Name: "web"}, Instances: []catalog.Instance{i}, Index: 7}
	}
	none := &catalog.Service{Key: web(nil).Key}
	for _, c := range []struct {
		from, to *catalog.Service
		want     string
	}{
		{nil, none, "+ service"},
		{none, nil, "- service"},
		{nil, web(nil), "+ service; + 10.0.0.7:80"},
		{none, web(func(i *catalog.Instance) { i.Locality.Zone, i.Weights = "b", catalog.Weights{Passing: 3, Warning: 3} }), "+ 10.0.0.7:80 (zone b, weight 3)"},
		{web(nil), none, "- 10.0.0.7:80"},
		{web(nil), web(func(i *catalog.Instance) { i.Health, i.Checks[1].Status = catalog.Critical, "critical" }), "~ 10.0.0.7:80 health passing -> critical (check web:http)"},
		{web(func(i *catalog.Instance) { i.Health, i.Checks[1].Status = catalog.Critical, "critical" }), web(nil), "~ 10.0.0.7:80 health critical -> passing"},
		{web(nil), web(func(i *catalog.Instance) { i.Checks[1].Status = "critical" }), "~ 10.0.0.7:80 check web:http passing -> critical"}, // it is served as it was
		{web(nil), web(func(i *catalog.Instance) { i.Checks = i.Checks[:1] }), "~ 10.0.0.7:80 check web:http passing -> unset"},
		{web(nil), web(func(i *catalog.Instance) { i.Weights.Passing = 10 }), "~ 10.0.0.7:80 weight 1 -> 10 (1 while warning)"},
		{web(nil), web(func(i *catalog.Instance) { i.Address, i.ServiceAddress = "fd00::7", "fd00::7" }), "~ [fd00::7]:80 address 10.0.0.7:80 -> [fd00::7]:80; ~ [fd00::7]:80 node address unset -> 10.0.0.7"},
		{web(nil), web(func(i *catalog.Instance) { i.Tags, i.Meta = []string{"v2"}, map[string]string{"version": "2"} }), "~ 10.0.0.7:80 meta version unset -> 2; ~ 10.0.0.7:80 tag v2 is new"},
		{web(func(i *catalog.Instance) { i.Tags = []string{"v2"} }), web(nil), "~ 10.0.0.7:80 tag v2 is gone"},
		{web(nil), web(func(i *catalog.Instance) { i.SocketPath, i.Address, i.Port = "/run/web", "", 0 }), "~ unix:/run/web address 10.0.0.7:80 -> unix:/run/web; ~ unix:/run/web node address unset -> 10.0.0.7; ~ unix:/run/web service address unset -> 10.0.0.7"},
	} {
		change := OfService(c.from, c.to)
		if got := strings.Join(change.Texts(), "; "); got != c.want {
			t.Errorf("%s\nwant %s", got, c.want)
		}
		if change.Name() != "web" || c.to != nil && change.Index != c.to.Index {
			t.Errorf("%+v", change)
		}
	}
}

// Whatever two config entries differ in is said, and nothing else.
func TestTheLinesOfAConfigEntryAreExactlyTheDifference(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 2))
	entry := func() *catalog.Entry {
		if r.IntN(6) == 0 {
			return nil
		}
		opt := func() *int { return some(r, nil, new(int), func() *int { n := 7; return &n }()) }
		small := func() *uint32 { return some(r, nil, new(uint32)) }
		e := &catalog.Entry{Key: catalog.EntryKey{Kind: catalog.ServiceDefaults, Name: "web"}, Protocol: some(r, "", "http", "grpc"), ConnectTimeout: some(r, 0, time.Second),
			Limits: catalog.Limits{MaxConnections: opt(), MaxPendingRequests: opt(), MaxConcurrentRequests: opt()}}
		if r.IntN(2) == 0 {
			e.PassiveHealthCheck = &catalog.PassiveHealthCheck{Interval: some(r, 0, time.Second), MaxFailures: some[uint32](r, 0, 3), EnforcingConsecutive5xx: small(), MaxEjectionPercent: small(), BaseEjectionTime: some(r, nil, new(time.Duration))}
		}
		if r.IntN(2) == 0 {
			e.LoadBalancer = &catalog.LoadBalancer{Policy: some(r, "", "maglev"), MinimumRingSize: some[uint64](r, 0, 8), MaximumRingSize: some[uint64](r, 0, 8), ChoiceCount: some[uint32](r, 0, 2)}
		}
		if r.IntN(2) == 0 {
			target := func() catalog.Target {
				return catalog.Target{Service: some(r, "", "api"), Subset: some(r, "", "v2"), Datacenter: some(r, "", "dc2"), Peer: some(r, "", "dc2"),
					Namespace: some(r, "", "a"), Partition: some(r, "", "a"), SamenessGroup: some(r, "", "a")}
			}
			to := target()
			e.Resolver = catalog.Resolver{DefaultSubset: some(r, "", "v1"), Redirect: some(r, nil, &to), RequestTimeout: some(r, 0, time.Second),
				HashPolicies: some(r, 0, 1, 2), PrioritizeByLocality: some(r, "", "failover")}
			if r.IntN(2) == 0 {
				e.Resolver.Subsets = map[string]catalog.Subset{some(r, "v1", "v2"): {Filter: some(r, "", "a", "b"), OnlyPassing: some(r, false, true)}, "v3": {}}
			}
			if r.IntN(2) == 0 {
				e.Resolver.Failover = map[string]catalog.Failover{some(r, "v1", catalog.AnySubset): {Mode: some(r, "", "x"),
					Targets: some(r, nil, []catalog.Target{target()}, []catalog.Target{target(), target()})}}
			}
		}
		return e
	}
	for range 5000 {
		from, to := entry(), entry()
		c := OfEntry(from, to)
		was, is := catalog.Entry{}, catalog.Entry{}
		if from != nil {
			was = *from
		}
		if to != nil {
			is = *to
		}
		if equal := from == nil && to == nil || from != nil && to != nil && from.Equal(*to); equal != (len(c.Lines) == 0) {
			t.Fatalf("%+v and %+v: equal %v, and %v", from, to, equal, c.Lines)
		}
		var lines []Line
		for _, l := range c.Lines {
			if l.What != "entry" {
				lines = append(lines, l)
			}
		}
		if got, want := replayed(t, entryFields(&was), lines), replayed(t, entryFields(&is), nil); !slices.Equal(got, want) {
			t.Fatalf("%v gives %v, want %v", lines, got, want)
		}
	}
	seven := 7
	web := &catalog.Entry{Key: catalog.EntryKey{Kind: catalog.ServiceDefaults, Name: "web"}, Protocol: "grpc", Limits: catalog.Limits{MaxConnections: &seven}, ModifyIndex: 12}
	http := &catalog.Entry{Key: web.Key, Protocol: "http", Limits: web.Limits}
	all := OfEntry(http, web)
	if got := strings.Join(all.Texts(), "; "); got != "~ Protocol http -> grpc (service-defaults/web)" || all.Index != 12 || all.Name() != "web" {
		t.Errorf("%s: %+v", got, all)
	}
	resolver := &catalog.Entry{Key: catalog.EntryKey{Kind: catalog.ServiceResolver, Name: "web"}, Resolver: catalog.Resolver{DefaultSubset: "v1",
		Failover: map[string]catalog.Failover{"*": {Targets: []catalog.Target{{Datacenter: "dc2"}}}}}}
	moved := &catalog.Entry{Key: resolver.Key, Resolver: catalog.Resolver{Redirect: &catalog.Target{Service: "api", Subset: "v2"},
		Failover: map[string]catalog.Failover{"*": {Targets: []catalog.Target{{Datacenter: "dc2"}, {Service: "api", Peer: "cluster01"}}}}}}
	told := OfEntry(resolver, moved)
	if got, want := strings.Join(told.Texts(), "\n"), strings.Join([]string{
		`~ DefaultSubset v1 -> unset (service-resolver/web)`,
		`~ Failover * datacenter dc2 -> datacenter dc2; then service api, peer cluster01 (service-resolver/web)`,
		`~ Redirect unset -> service api, subset v2 (service-resolver/web)`,
	}, "\n"); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
