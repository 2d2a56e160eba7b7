package translate

import (
	"slices"
	"strings"
	"testing"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

// resolvedBy are the Resources of services web, web-new and api, of which web and web-new are in dc2, too, by resolvers and
// a policy.
func resolvedBy(t *testing.T, policies string, of map[string]catalog.Resolver) Resources {
	t.Helper()
	d := catalog.Delta{}
	for n, name := range []string{"api", "web", "web-new", "web-new@dc2", "web@dc2"} {
		d.Set = append(d.Set, catalog.Service{Key: keyOf(name), Instances: []catalog.Instance{{
			Node: "n", ID: name, Address: "10.0.0." + string(rune('1'+n)), Port: 80, Weights: catalog.Weights{Passing: 1, Warning: 1},
			Meta: map[string]string{"version": "1"}}}})
	}
	for name, r := range of {
		d.Entries = append(d.Entries, catalog.Entry{Key: catalog.EntryKey{Kind: catalog.ServiceResolver, Name: name}, Resolver: r})
	}
	d.Entries = append(d.Entries, catalog.Entry{Key: catalog.EntryKey{Kind: catalog.Datacenters, Name: catalog.NearestEntry}, Datacenters: []string{"dc2"}})
	p, err := policy.Parse([]policy.File{{Name: "p", Content: []byte(policies)}})
	if err != nil {
		t.Fatal(err)
	}
	rs, _ := New(testConfig()).With(p)
	rs, _ = rs.Apply(d)
	return rs
}

// servedBy are the ids of the instances that a cluster is served from, in the order of their priorities.
func servedBy(t *testing.T, rs Resources, cluster string) string {
	t.Helper()
	x, is := rs.Explain(cluster)
	if !is || !x.Served {
		return "nothing"
	}
	var all []string
	for _, one := range x.Instances {
		if one.Out == nil {
			all = append(all, one.Instance.ID)
		}
	}
	return strings.Join(all, ", ")
}

// What a resolver says otherwise than of failover does not keep the operator's defaults from having a service fail over.
func TestTheDefaultsFailoverHoldsWhereTheChainHasNone(t *testing.T) {
	nearest, dc2 := "defaults: {failover: [nearest]}", catalog.Failover{Targets: []catalog.Target{{Service: "api"}}}
	subsets := map[string]catalog.Subset{"v1": {Filter: "Service.Meta.version == 1"}, "v2": {}}
	for name, c := range map[string]struct {
		of            map[string]catalog.Resolver
		cluster, want string
	}{
		"a redirect":                       {map[string]catalog.Resolver{"web": {Redirect: &catalog.Target{Service: "web-new"}}}, "web", "web-new, web-new@dc2"},
		"a redirect of nobody's name":      {map[string]catalog.Resolver{"shop": {Redirect: &catalog.Target{Service: "web-new"}}}, "shop", "web-new, web-new@dc2"},
		"a redirect to what fails over":    {map[string]catalog.Resolver{"web": {Redirect: &catalog.Target{Service: "web-new"}}, "web-new": {Failover: map[string]catalog.Failover{"*": dc2}}}, "web", "web-new, api"},
		"the subset that has a failover":   {map[string]catalog.Resolver{"web": {Subsets: subsets, Failover: map[string]catalog.Failover{"v1": dc2}}}, "v1.web", "web, api"},
		"a subset that has none":           {map[string]catalog.Resolver{"web": {Subsets: subsets, Failover: map[string]catalog.Failover{"v1": dc2}}}, "v2.web", "web, web@dc2"},
		"the service of such subsets":      {map[string]catalog.Resolver{"web": {Subsets: subsets, Failover: map[string]catalog.Failover{"v1": dc2}}}, "web", "web, web@dc2"},
		"the service whose default it is":  {map[string]catalog.Resolver{"web": {Subsets: subsets, DefaultSubset: "v1", Failover: map[string]catalog.Failover{"v1": dc2}}}, "web", "web, api"},
		"subsets alone":                    {map[string]catalog.Resolver{"web": {Subsets: subsets, DefaultSubset: "v1"}}, "web", "web, web@dc2"},
		"a failover that leads to nothing": {map[string]catalog.Resolver{"web": {Failover: map[string]catalog.Failover{"*": {Targets: []catalog.Target{{Namespace: "eu"}}}}}}, "web", "web, web@dc2"},
	} {
		if got := servedBy(t, resolvedBy(t, nearest, c.of), c.cluster); got != c.want {
			t.Errorf("%s: %s is served from %s, want %s", name, c.cluster, got, c.want)
		}
	}
}

// The failover of a redirect's service comes and goes, and who is redirected follows, behind or not.
func TestTheDefaultsFailoverFollowsTheEntriesOfOthers(t *testing.T) {
	redirect := map[string]catalog.Resolver{"web": {Redirect: &catalog.Target{Service: "web-new"}}}
	rs := resolvedBy(t, "defaults: {failover: [nearest]}", redirect)
	to := catalog.Entry{Key: catalog.EntryKey{Kind: catalog.ServiceResolver, Name: "web-new"},
		Resolver: catalog.Resolver{Failover: map[string]catalog.Failover{"*": {Targets: []catalog.Target{{Service: "api"}}}}}}
	for _, step := range []struct {
		d    catalog.Delta
		want string
	}{
		{catalog.Delta{Entries: []catalog.Entry{to}}, "web-new, api"},
		{catalog.Delta{GoneEntries: []catalog.EntryKey{to.Key}}, "web-new, web-new@dc2"},
	} {
		taken, _, touched := rs.Take(step.d)
		if got := servedBy(t, taken, "web"); got != step.want || slices.ContainsFunc(touched, func(b Behind) bool { return b.Name() == "web" }) {
			t.Errorf("taken, it is served from %s, want %s; behind: %v", got, step.want, touched)
		}
		if rs, _ = rs.Apply(step.d); servedBy(t, rs, "web") != step.want {
			t.Errorf("it is served from %s, want %s", servedBy(t, rs, "web"), step.want)
		}
	}
}

// toldOf are the details of the problems of a service.
func toldOf(rs Resources, service string) (all []string) {
	for _, p := range rs.Problems() {
		if p.Service == own(service).String() {
			all = append(all, p.Detail)
		}
	}
	return all
}

// A service that is asked for with its site is served from there alone, whatever the resolver of its name says.
func TestAResolversFailoverIsNotThatOfTheServiceElsewhere(t *testing.T) {
	rs := resolvedBy(t, "{}", map[string]catalog.Resolver{"web": {Failover: map[string]catalog.Failover{"*": {Targets: []catalog.Target{{Service: "api"}}}}}})
	for cluster, want := range map[string]bool{"web": true, "web.dc2": false} {
		p, _, is := rs.Policy(cluster)
		if !is || p.Policy().Failover.Are(policy.FromConsul) != want {
			t.Errorf("%s (%t) fails over as Consul says: %t, want %t", cluster, is, !want, want)
		}
	}
	if got := servedBy(t, rs, "web.dc2"); got != "web@dc2" {
		t.Errorf("web.dc2 is served from %s", got)
	}
}

// What is wrong with a resolver is told also if nobody registers its name, and if nothing is served for that.
func TestAResolverThatLeadsNowhereIsTold(t *testing.T) {
	to := func(t catalog.Target) catalog.Resolver { return catalog.Resolver{Redirect: &t} }
	for name, c := range map[string]struct {
		of      map[string]catalog.Resolver
		service string // the service of which it is told
		want    string
	}{
		"to a namespace":           {map[string]catalog.Resolver{"shop": to(catalog.Target{Service: "web", Namespace: "eu"})}, "shop", "namespace eu"},
		"in a circle":              {map[string]catalog.Resolver{"shop": to(catalog.Target{Service: "cart"}), "cart": to(catalog.Target{Service: "shop"})}, "shop", "lead back"},
		"to a missing subset":      {map[string]catalog.Resolver{"shop": to(catalog.Target{Service: "web", Subset: "v9"})}, "shop", `no subset "v9"`},
		"to a service of nowhere":  {map[string]catalog.Resolver{"shop": to(catalog.Target{Service: "wbe"})}, "shop", "wbe.dc1"},
		"over to nowhere":          {map[string]catalog.Resolver{"shop": {Failover: map[string]catalog.Failover{"*": {Targets: []catalog.Target{{Datacenter: "dc9"}}}}}}, "shop", "shop.dc9"},
		"a registered one nowhere": {map[string]catalog.Resolver{"web": to(catalog.Target{Service: "wbe"})}, "web", "wbe.dc1"},
	} {
		got := toldOf(resolvedBy(t, "{}", c.of), c.service)
		if len(got) != 1 || !strings.Contains(got[0], c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
	filtered := map[string]catalog.Resolver{"shop": {DefaultSubset: "odd", Subsets: map[string]catalog.Subset{"odd": {Filter: "Checks.Output == fine"}}, Failover: map[string]catalog.Failover{"*": {Targets: []catalog.Target{{Datacenter: "dc9"}}}}}}
	if got := toldOf(resolvedBy(t, "{}", filtered), "shop"); len(got) == 0 || !strings.Contains(got[0], "Checks.Output") {
		t.Errorf("a filter that cannot be evaluated: %q", got)
	}
	if got := toldOf(resolvedBy(t, "{}", map[string]catalog.Resolver{"shop": to(catalog.Target{Service: "web"})}), "shop"); len(got) != 0 {
		t.Errorf("nothing is wrong: %q", got)
	}
}

// A redirect holds, also if the filter of the subset that it leads to cannot be evaluated.
func TestAFilterThatCannotBeEvaluatedDoesNotUndoARedirect(t *testing.T) {
	rs := resolvedBy(t, "{}", map[string]catalog.Resolver{
		"web":     {Redirect: &catalog.Target{Service: "web-new", Subset: "v2"}},
		"web-new": {Subsets: map[string]catalog.Subset{"v2": {Filter: "Checks.Output == fine"}}},
	})
	if got := servedBy(t, rs, "web"); got != "web-new" {
		t.Errorf("web is served from %s", got)
	}
	if got := toldOf(rs, "web"); len(got) != 1 || !strings.HasSuffix(got[0], ": all instances of web-new.dc1 are served") {
		t.Errorf("%q", got)
	}
}

// Where an instance of a peer is, Legate does not know: who asks for that has no failover to a peer, and is told why.
func TestAFilterThatDoesNotApplyToAPeerIsTold(t *testing.T) {
	rs := resolvedBy(t, "{}", map[string]catalog.Resolver{"web": {DefaultSubset: "here", Subsets: map[string]catalog.Subset{"here": {Filter: "Node.Datacenter == dc1"}},
		Failover: map[string]catalog.Failover{"*": {Targets: []catalog.Target{{Peer: "p"}}}}}})
	if got := toldOf(rs, "web"); len(got) != 1 || !strings.HasSuffix(got[0], "requests do not fail over to it") {
		t.Errorf("%q", got)
	}
}

// A problem of a service's resolver is told once, however many subsets there are; what is wrong with one subset is told of it.
func TestAProblemOfAResolverIsToldOnce(t *testing.T) {
	subsets := map[string]catalog.Subset{"v1": {}, "v2": {}, "v3": {}}
	odd := catalog.Failover{Targets: []catalog.Target{{Namespace: "eu"}}}
	for name, c := range map[string]struct {
		of   map[string]catalog.Resolver
		want int
	}{
		"to a namespace":          {map[string]catalog.Resolver{"web": {Subsets: subsets, Redirect: &catalog.Target{Service: "api", Namespace: "eu"}}}, 1},
		"in a circle":             {map[string]catalog.Resolver{"web": {Subsets: subsets, Redirect: &catalog.Target{Service: "api"}}, "api": {Redirect: &catalog.Target{Service: "web"}}}, 1},
		"to a service of nowhere": {map[string]catalog.Resolver{"web": {Subsets: subsets, Redirect: &catalog.Target{Service: "wbe"}}}, 1},
		"over to a namespace":     {map[string]catalog.Resolver{"web": {Subsets: subsets, Failover: map[string]catalog.Failover{"*": odd}}}, 1},
		"one subset":              {map[string]catalog.Resolver{"web": {Subsets: subsets, Failover: map[string]catalog.Failover{"v2": odd}}}, 1},
		"two of the subsets":      {map[string]catalog.Resolver{"web": {Subsets: map[string]catalog.Subset{"v1": {}, "v2": {Filter: "Checks.Output == fine"}, "v3": {Filter: "Checks.Output == fine"}}}}, 2},
	} {
		if got := toldOf(resolvedBy(t, "{}", c.of), "web"); len(got) != c.want {
			t.Errorf("%s: %d problems, want %d: %q", name, len(got), c.want, got)
		}
	}
}

// Which cluster has another policy is said by the name of that: a subset's is not the service's.
func TestASubsetsChangeOfPolicyIsOfItsOwnName(t *testing.T) {
	with := func(r catalog.Resolver) Resources {
		return resolvedBy(t, "defaults: {failover: [nearest]}", map[string]catalog.Resolver{"web": r})
	}
	over := map[string]catalog.Failover{"v2": {Targets: []catalog.Target{{Service: "api"}}}}
	subsets := map[string]catalog.Subset{"v2": {}}
	all := with(catalog.Resolver{Subsets: subsets, Failover: over}).DiffPolicies(with(catalog.Resolver{Subsets: subsets}))
	if len(all) != 1 || all[0].Name != "v2.web" {
		t.Errorf("%+v", all)
	}
}

// A unit that is behind counts the instances of where its requests go.
func TestBehindCountsTheInstancesThatAUnitIsServedFrom(t *testing.T) {
	rs := resolvedBy(t, "{}", map[string]catalog.Resolver{"shop": {Redirect: &catalog.Target{Service: "web", Datacenter: "dc2"}}})
	p, err := policy.Parse([]policy.File{{Name: "p", Content: []byte("defaults: {idle_timeout: 2m}")}})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range rs.Propose(p).surveyed().Behind() {
		if b.Instances != 1 {
			t.Errorf("%s has %d instances", b.Name(), b.Instances)
		}
	}
}

// Consul answers with the instances of web if it is asked for those of Web, and the other way round. So does a chain, or a
// policy, that leads there, also if the service comes later.
func TestServicesAreFoundInAnotherCase(t *testing.T) {
	api := catalog.Service{Key: own("Api"), Instances: []catalog.Instance{{Node: "n", ID: "Api", Address: "10.0.1.1", Port: 80, Weights: catalog.Weights{Passing: 1, Warning: 1}}}}
	there := api
	there.Key, there.Instances = keyOf("Api@dc2"), []catalog.Instance{{Node: "n", ID: "Api@dc2", Address: "10.0.1.2", Port: 80, Weights: catalog.Weights{Passing: 1, Warning: 1}}}
	led := resolvedBy(t, "services: [{match: {names: [API2, api]}, failover: [dc2]}]", map[string]catalog.Resolver{"shop": {Redirect: &catalog.Target{Service: "API"}},
		"web": {Failover: map[string]catalog.Failover{"*": {Targets: []catalog.Target{{Service: "Api", Datacenter: "dc2"}}}}}})
	if k := keyOf("aPi@dc2"); !led.Needs(k) || led.Needs(keyOf("aPi@dc3")) {
		t.Errorf("%v is needed: %t", k, led.Needs(k))
	}
	led, _ = led.Apply(catalog.Delta{Gone: []catalog.ServiceKey{own("api")}})
	if got := servedBy(t, led, "shop"); got != "nothing" {
		t.Errorf("shop is served from %s", got)
	}
	led, _ = led.Apply(catalog.Delta{Set: []catalog.Service{api, there}})
	for cluster, want := range map[string]string{"shop": "Api", "web": "web, Api@dc2"} {
		if got := servedBy(t, led, cluster); got != want {
			t.Errorf("%s is served from %s, want %s", cluster, got, want)
		}
	}
	api.Key = own("api")
	led, _ = led.Apply(catalog.Delta{Set: []catalog.Service{api}})
	if led, _ = led.Apply(catalog.Delta{Gone: []catalog.ServiceKey{own("Api")}}); servedBy(t, led, "api") != "Api, Api@dc2" {
		t.Errorf("api is served from %s", servedBy(t, led, "api"))
	}
	rs := resolvedBy(t, "{}", map[string]catalog.Resolver{"shop": {Redirect: &catalog.Target{Service: "Web"}, Failover: nil},
		"api": {Failover: map[string]catalog.Failover{"*": {Targets: []catalog.Target{{Service: "WEB", Datacenter: "dc2"}, {Service: "Nobody"}}}}}})
	for cluster, want := range map[string]string{"shop": "web", "api": "api, web@dc2"} {
		if got := servedBy(t, rs, cluster); got != want {
			t.Errorf("%s is served from %s, want %s", cluster, got, want)
		}
	}
}
