package catalog

import "testing"

// Two resolvers differ if anything in them does.
func TestWhatMakesTwoResolversDiffer(t *testing.T) {
	full := func() Entry {
		return Entry{Resolver: Resolver{
			DefaultSubset: "v1", Subsets: map[string]Subset{"v1": {Filter: "f"}}, Redirect: &Target{Service: "api"},
			Failover:       map[string]Failover{AnySubset: {Targets: []Target{{Datacenter: "dc2"}, {Datacenter: "dc3"}}}},
			RequestTimeout: 1, HashPolicies: 1, PrioritizeByLocality: "none",
		}}
	}
	for what, change := range map[string]func(*Resolver){
		"default subset":     func(r *Resolver) { r.DefaultSubset = "" },
		"filter":             func(r *Resolver) { r.Subsets["v1"] = Subset{} },
		"only passing":       func(r *Resolver) { r.Subsets["v1"] = Subset{Filter: "f", OnlyPassing: true} },
		"further subset":     func(r *Resolver) { r.Subsets["v2"] = Subset{} },
		"redirect":           func(r *Resolver) { r.Redirect = &Target{Service: "api", Subset: "v2"} },
		"lack of a redirect": func(r *Resolver) { r.Redirect = nil },
		"failover's order": func(r *Resolver) {
			r.Failover[AnySubset] = Failover{Targets: []Target{{Datacenter: "dc3"}, {Datacenter: "dc2"}}}
		},
		"failover's mode": func(r *Resolver) {
			r.Failover[AnySubset] = Failover{Targets: r.Failover[AnySubset].Targets, Mode: "order-by-locality"}
		},
		"further failover": func(r *Resolver) { r.Failover["v1"] = Failover{} },
		"timeout":          func(r *Resolver) { r.RequestTimeout = 2 },
		"hash policies":    func(r *Resolver) { r.HashPolicies = 2 },
		"locality":         func(r *Resolver) { r.PrioritizeByLocality = "failover" },
		"":                 func(*Resolver) {},
	} {
		was, is := full(), full()
		change(&is.Resolver)
		if was.Equal(is) != (what == "") {
			t.Errorf("another %s: equal %v", what, was.Equal(is))
		}
		if from, to := (Catalog{}).Apply(Delta{Entries: []Entry{was}}), (Catalog{}).Apply(Delta{Entries: []Entry{is}}); from.Diff(to).Empty() != (what == "") {
			t.Errorf("another %s: the difference is %+v", what, from.Diff(to))
		}
	}
}

func TestATargetIsToldInWords(t *testing.T) {
	for want, target := range map[string]Target{
		"":                          {},
		"datacenter dc2":            {Datacenter: "dc2"},
		"service api, peer p":       {Service: "api", Peer: "p"},
		"subset v2, datacenter dc2": {Subset: "v2", Datacenter: "dc2"},
		"namespace n, partition q, sameness group s": {Namespace: "n", Partition: "q", SamenessGroup: "s"},
	} {
		if got := target.String(); got != want {
			t.Errorf("%+v reads %q, want %q", target, got, want)
		}
	}
}
