package chain

import (
	"strings"

	"legate/discovery/catalog"
)

// Chain is where requests go.
type Chain struct {
	// Targets are tried in this order: each of them while those before it take no traffic. None is there
	// twice, and there is one at least, unless a subset was asked for that does not exist.
	Targets []Target
	// Problems say what of the entries does not count, and what does instead.
	Problems []Problem
}

// Target is a part of a service in one place.
type Target struct {
	Service    string
	Subset     string // empty: all instances
	Datacenter string // empty for a service of a peer
	Peer       string
	// Part is what the subset is. It is zero without one.
	Part catalog.Subset
}

// Key names the service in a catalog whose own datacenter this is.
func (t Target) Key(own string) catalog.ServiceKey {
	if t.Peer != "" {
		return catalog.ServiceKey{Datacenter: own, Peer: t.Peer, Name: t.Service}
	}
	return catalog.ServiceKey{Datacenter: t.Datacenter, Name: t.Service}
}

// same reports whether Consul takes both for one. It has no subsets of services of peers there.
func (t Target) same(o Target) bool {
	return t.Service == o.Service && t.Datacenter == o.Datacenter && t.Peer == o.Peer && (t.Subset == o.Subset || t.Peer != "")
}

// Reader looks up config entries. It returns false for one that is not there.
type Reader func(catalog.EntryKey) (catalog.Entry, bool)

// Of is where requests to a subset of a service go in a datacenter, the own one; without a subset, those to the
// service. It reads the resolvers of all services that requests may go to.
func Of(entry Reader, datacenter, service, subset string) Chain {
	c := compiler{entry: entry, datacenter: datacenter, service: service}
	asked := c.seen(Target{Service: service, Subset: subset, Datacenter: datacenter})
	first, err := c.resolve(asked)
	if err != nil {
		return c.alone(asked, err)
	}
	chain := Chain{Targets: []Target{first}}
	for _, next := range c.failover(first) {
		to, err := c.resolve(next)
		switch {
		case err != nil:
			c.problems = append(c.problems, err.instead("the others are used for failover, and this one is not"))
		case !contains(chain.Targets, to):
			chain.Targets = append(chain.Targets, to)
		}
	}
	chain.Problems = c.problems
	return chain
}

// Subsets are the names of a service's subsets, in no order, as its resolver says.
func Subsets(entry Reader, service string) map[string]catalog.Subset {
	e, _ := entry(Key(service))
	return e.Resolver.Subsets
}

func contains(all []Target, t Target) bool {
	for _, one := range all {
		if one.same(t) {
			return true
		}
	}
	return false
}

// Key is the key of a service's resolver. Consul does not tell names of entries apart by case.
func Key(service string) catalog.EntryKey {
	return catalog.EntryKey{Kind: catalog.ServiceResolver, Name: strings.ToLower(service)}
}
