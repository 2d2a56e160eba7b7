package chain

import (
	"cmp"
	"fmt"
	"slices"

	"legate/discovery/catalog"
)

// compiler makes one chain. It does what Consul's compiler does, with its peculiarities: those are what
// people see in Consul.
// https://github.com/hashicorp/consul/blob/v1.22.7/agent/consul/discoverychain/compile.go
type compiler struct {
	entry      Reader
	datacenter string
	service    string // that was asked for
	targets    []Target
	relatives  map[string]bool // see resolver; nil: not needed yet
	problems   []Problem
}

// seen is the target, or the same one as it was when it was first seen.
func (c *compiler) seen(t Target) Target {
	for _, before := range c.targets {
		if before.same(t) {
			return before
		}
	}
	c.targets = append(c.targets, t)
	return t
}

// rewritten is a target with what another one says. Another service begins without a subset, and who does not say
// which peer means none.
func (c *compiler) rewritten(t Target, by catalog.Target) Target {
	if by.Service != "" && by.Service != t.Service {
		t.Service, t.Subset = by.Service, ""
	}
	t.Subset, t.Datacenter, t.Peer = cmp.Or(by.Subset, t.Subset), cmp.Or(by.Datacenter, t.Datacenter, c.datacenter), by.Peer
	if t.Peer != "" {
		t.Datacenter = ""
	}
	return c.seen(t)
}

// resolve follows redirects and default subsets, to where neither leads anywhere else.
func (c *compiler) resolve(t Target) (Target, *Problem) {
	var way []Target
	for {
		key, r := Key(t.Service), c.resolver(t)
		back := contains(way, t)
		if way = append(way, t); back {
			return t, circular(way)
		}
		if r.Redirect != nil {
			if beyond(*r.Redirect) {
				return t, enterprise(key, "Redirect", *r.Redirect)
			}
			if to := c.rewritten(t, *r.Redirect); !to.same(t) {
				t = to
				continue
			}
		}
		if t.Subset == "" && r.DefaultSubset != "" {
			if t.Peer != "" {
				c.leaves(key, t, r.DefaultSubset)
			}
			t = c.rewritten(t, catalog.Target{Subset: r.DefaultSubset})
			continue
		}
		part, is := r.Subsets[t.Subset]
		if t.Subset != "" && !is {
			return t, missingSubset(t)
		}
		t.Part = part
		return t, nil
	}
}

// resolver is what the entries say of a target. The entries here are not about a service of a peer, though it has the same
// name as one here. If requests can reach the one here as well, Consul does not tell the two apart, and they are.
func (c *compiler) resolver(t Target) catalog.Resolver {
	if t.Peer != "" && !c.reached()[t.Service] {
		return catalog.Resolver{}
	}
	e, _ := c.entry(Key(t.Service))
	return e.Resolver
}

// reached are the services that requests may go to by all redirects and failovers of all subsets, except by way of a
// peer.
func (c *compiler) reached() map[string]bool {
	if c.relatives != nil {
		return c.relatives
	}
	c.relatives = map[string]bool{c.service: true}
	for todo := []string{c.service}; len(todo) > 0; todo = todo[1:] {
		e, _ := c.entry(Key(todo[0]))
		reach := func(t catalog.Target) {
			if t.Service != "" && !c.relatives[t.Service] {
				c.relatives[t.Service] = true
				todo = append(todo, t.Service)
			}
		}
		if r := e.Resolver.Redirect; r != nil {
			reach(*r) // whatever its peer
		}
		for _, f := range e.Resolver.Failover {
			for _, t := range f.Targets {
				if t.Peer == "" {
					reach(t)
				}
			}
		}
	}
	return c.relatives
}

// leaves tells that a default subset leads away from a peer.
func (c *compiler) leaves(key catalog.EntryKey, t Target, subset string) {
	p := Problem{key, fmt.Sprintf("DefaultSubset %s leads back from peer %s to datacenter %s: this is how Consul resolves it, and it is served so", subset, t.Peer, c.datacenter),
		"remove DefaultSubset, or let services of peers go by names that have no resolver here"}
	if !slices.Contains(c.problems, p) {
		c.problems = append(c.problems, p)
	}
}

// failover are the targets to which requests go that the first one does not take, as they are asked for.
func (c *compiler) failover(first Target) []Target {
	key := Key(first.Service)
	e, _ := c.entry(key)
	f, is := e.Resolver.Failover[first.Subset]
	if !is {
		f = e.Resolver.Failover[catalog.AnySubset]
	}
	if f.Mode != "" && f.Mode != sequential {
		c.problems = append(c.problems, Problem{key, fmt.Sprintf("Failover in the order %q: the targets are used in the order in which they are written", f.Mode),
			"write them in the order that is wanted; the policy's prefer puts near zones first"})
	}
	var targets []Target
	for _, by := range f.Targets {
		if beyond(by) {
			c.problems = append(c.problems, enterprise(key, "Failover", by).instead("the others are used for failover, and this one is not"))
			continue
		}
		if to := c.rewritten(first, by); !to.same(first) {
			targets = append(targets, to)
		}
	}
	return targets
}

// sequential is the order in which targets are written.
const sequential = "sequential"

// beyond reports whether a target is one that a Consul without namespaces, partitions and sameness groups does
// not have.
func beyond(t catalog.Target) bool {
	const only = "default"
	return t.SamenessGroup != "" || t.Namespace != "" && t.Namespace != only || t.Partition != "" && t.Partition != only
}

// alone is the chain of a target that stays where it is, as what is said of it leads nowhere.
func (c *compiler) alone(t Target, err *Problem) Chain {
	part, is := Subsets(c.entry, t.Service)[t.Subset]
	if t.Subset != "" && !is {
		return Chain{Problems: append(c.problems, err.instead("nothing is served"))}
	}
	t.Part = part
	return Chain{[]Target{t}, append(c.problems, err.instead("its own instances are served"))}
}
