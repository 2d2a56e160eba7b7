package chain

import (
	"math/rand/v2"

	"github.com/hashicorp/consul/api"

	"legate/discovery/catalog"
)

// world makes random resolvers of services with names that are its own. Consul accepts some of them.
type world struct {
	*rand.Rand
	prefix string
}

func (w world) services() (names []string) {
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		names = append(names, w.prefix+name)
	}
	return names
}

func (w world) service() string    { all := w.services(); return all[w.IntN(len(all))] }
func (w world) datacenter() string { return []string{"dc1", "dc2", "dc3"}[w.IntN(3)] }
func (w world) peer() string       { return []string{"p", "q"}[w.IntN(2)] }
func (w world) subset() string     { return []string{"v1", "v2", "v3"}[w.IntN(3)] }

// half is a value in half of all cases, and empty otherwise.
func (w world) half(value string) string {
	if w.IntN(2) == 0 {
		return value
	}
	return ""
}

// resolvers are those of most services.
func (w world) resolvers() []catalog.Entry {
	var all []catalog.Entry
	for _, name := range w.services() {
		if w.IntN(8) > 0 {
			all = append(all, catalog.Entry{Key: Key(name), Resolver: w.resolver(name)})
		}
	}
	w.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

func (w world) resolver(name string) catalog.Resolver {
	r := catalog.Resolver{Subsets: map[string]catalog.Subset{}}
	for range w.IntN(4) {
		r.Subsets[w.subset()] = catalog.Subset{OnlyPassing: w.IntN(2) == 0, Filter: w.half("Service.Meta.version == " + w.subset())}
	}
	if has := w.half(w.subset()); r.Subsets[has] != (catalog.Subset{}) {
		r.DefaultSubset = has
	}
	switch w.IntN(5) {
	case 0:
	case 1:
		to := w.target(name, r)
		r.Redirect = &to
	default:
		r.Failover = map[string]catalog.Failover{}
		for range 1 + w.IntN(3) {
			for _, subset := range []string{catalog.AnySubset, "v2"} {
				if _, is := r.Subsets[subset]; (is || subset == catalog.AnySubset) && w.IntN(2) == 0 {
					r.Failover[subset] = w.failover(name, r)
				}
			}
		}
	}
	return r
}

func (w world) failover(name string, r catalog.Resolver) (f catalog.Failover) {
	t := w.target(name, r)
	switch w.IntN(3) {
	case 0:
		f.Targets = append(f.Targets, t)
	case 1:
		for range 1 + w.IntN(3) {
			t.Datacenter, t.Peer = w.datacenter(), ""
			f.Targets = append(f.Targets, t)
		}
	default:
		for range 1 + w.IntN(4) {
			f.Targets = append(f.Targets, w.target(name, r))
		}
	}
	return f
}

// target is one that says something. Consul has no subsets of peers.
func (w world) target(name string, r catalog.Resolver) (t catalog.Target) {
	t.Service = w.half(w.service())
	switch w.IntN(4) {
	case 0:
		t.Datacenter = w.datacenter()
	case 1:
		t.Peer = w.peer()
	case 2:
		t.Datacenter, t.Subset = w.datacenter(), w.subset()
	default:
		t.Subset = w.subset()
	}
	if _, is := r.Subsets[t.Subset]; !is && (t.Service == "" || t.Service == name) {
		t.Subset, t.Service = "", w.service()
	}
	return t
}

// written is a resolver as people write it. There are three ways to write a failover.
func written(e catalog.Entry) *api.ServiceResolverConfigEntry {
	r := e.Resolver
	w := &api.ServiceResolverConfigEntry{Kind: e.Key.Kind, Name: e.Key.Name, DefaultSubset: r.DefaultSubset, Subsets: map[string]api.ServiceResolverSubset{}}
	for name, s := range r.Subsets {
		w.Subsets[name] = api.ServiceResolverSubset(s)
	}
	if t := r.Redirect; t != nil {
		w.Redirect = &api.ServiceResolverRedirect{Service: t.Service, ServiceSubset: t.Subset, Datacenter: t.Datacenter, Peer: t.Peer}
	}
	for subset, f := range r.Failover {
		first := f.Targets[0]
		is := api.ServiceResolverFailover{Service: first.Service, ServiceSubset: first.Subset}
		for _, t := range f.Targets {
			if t.Service != first.Service || t.Subset != first.Subset || t.Datacenter == "" {
				is.Datacenters = nil
				break
			}
			is.Datacenters = append(is.Datacenters, t.Datacenter)
		}
		if is.Datacenters == nil && (len(f.Targets) > 1 || first.Peer != "") {
			is = api.ServiceResolverFailover{}
			for _, t := range f.Targets {
				is.Targets = append(is.Targets, api.ServiceResolverFailoverTarget{Service: t.Service, ServiceSubset: t.Subset, Datacenter: t.Datacenter, Peer: t.Peer})
			}
		}
		if w.Failover == nil {
			w.Failover = map[string]api.ServiceResolverFailover{}
		}
		w.Failover[subset] = is
	}
	return w
}
