package translate

import (
	"slices"
	"strings"

	"legate/discovery/catalog"
	"legate/translate/chain"
	"legate/translate/filter"
	"legate/translate/policy"
)

// place is where a unit is served from: a service, or a part of its instances.
type place struct {
	service catalog.ServiceKey
	subset  subset
}

// subset is a part of a service's instances. The zero subset is all of them.
type subset struct {
	name    string
	filter  *filter.Filter // nil: all
	passing bool           // no traffic goes to those that warn
}

// has reports whether an instance of the part is in its subset.
func (s *part) has(i *catalog.Instance) bool {
	return s.subset.filter == nil || s.subset.filter.Matches(s.Key, i)
}

// state is an instance's health as Envoy gets it, as a state that its policy wants.
func (s *part) state(is state) state {
	if s.subset.passing && (is == warning || is == degraded) {
		return critical
	}
	return is
}

// filtering is a subset's filter, or why it cannot be read.
type filtering struct {
	*filter.Filter
	err error
}

// filteringsOf are the filters of a resolver's subsets, by their names.
func filteringsOf(r catalog.Resolver) map[string]filtering {
	var all map[string]filtering
	for name, s := range r.Subsets {
		if all == nil {
			all = map[string]filtering{}
		}
		f, err := filter.New(s.Filter)
		all[name] = filtering{f, err}
	}
	return all
}

// led is where the resolvers lead requests to a unit.
func (c Config) led(u unit, read *reader) chain.Chain {
	return chain.Of(read.resolver, c.Datacenter, u.service.Name, u.subset)
}

// chained reports whether Consul's chain of a unit fails over. A service without a resolver has no other chain to read.
func (c Config) chained(u unit, read *reader) bool {
	if e, _ := read.resolver(chain.Key(u.service.Name)); u.remote || !leads(e) {
		return false
	}
	return len(c.led(u, read).Targets) > 1
}

// places are the places of targets, each once. A target whose filter cannot be evaluated is left out, and that is told. If
// it is the first one, all instances of its service take its place, unless a subset was asked for.
func (c Config) places(u unit, targets []chain.Target, problems []chain.Problem, read *reader) (all []place, _ []chain.Problem) {
	for n, t := range targets {
		at := place{read.registered(u, t.Key(c.Datacenter)), subset{name: t.Subset, passing: t.Part.OnlyPassing}}
		if t.Part.Filter != "" {
			f := read.entryOf(chain.Key(t.Service)).filters[t.Subset]
			if f.err == nil {
				f.err = f.AppliesTo(at.service)
			}
			if f.err != nil {
				problems = append(slices.Clip(problems), unfiltered(u, t, n, f.err))
				if n > 0 || u.subset != "" {
					continue
				}
				f.Filter, at.subset = nil, subset{}
			}
			at.subset.filter = f.Filter
		}
		if !slices.ContainsFunc(all, func(one place) bool { return one.service == at.service && one.subset.name == at.subset.name }) {
			all = append(all, at)
		}
	}
	return all, problems
}

func unfiltered(u unit, t chain.Target, n int, err error) chain.Problem {
	p := chain.Problem{Entry: chain.Key(t.Service), Detail: "the filter of subset " + quote(t.Subset) + ": " + err.Error()}
	switch {
	case n > 0:
		p.Detail += ": requests do not fail over to it"
	case u.subset != "":
		p.Detail += ": it has no instances"
	default:
		t.Subset = ""
		p.Detail += ": all instances of " + t.String() + " are served"
	}
	p.Remedy = "correct the filter in the entry"
	return p
}

// nowhere tells that a unit of whose places none is there was led to them by a resolver.
func (c Config) nowhere(u unit, failover policy.Sites, read *reader) []chain.Problem {
	if u.remote {
		return nil
	}
	targets := c.led(u, read).Targets
	if !failover.Are(policy.FromConsul) {
		targets = targets[:min(1, len(targets))]
	}
	if len(targets) == 0 || len(targets) == 1 && targets[0].Key(c.Datacenter) == u.service {
		return nil
	}
	names := make([]string, len(targets))
	for n, t := range targets {
		t.Subset = ""
		names[n] = t.String()
	}
	return []chain.Problem{{Entry: chain.Key(u.service.Name), Detail: "it leads to " + strings.Join(names, ", then ") + ", and nobody registers that: there are no instances",
		Remedy: "register the service, or name in the entry one that is registered"}}
}

// hasSubset reports whether there is the subset of a unit, if it is of one.
func (c Config) hasSubset(u unit, read *reader) bool {
	if u.subset == "" {
		return true
	}
	_, is := chain.Subsets(read.entry, u.service.Name)[u.subset]
	return is
}

// isVirtual reports whether a resolver leads requests to a service elsewhere, which need not be registered for that. It is
// called as Consul calls its entry.
func (c Config) isVirtual(u unit, read *reader) bool {
	if u.remote || u.port != "" {
		return false
	}
	key := chain.Key(u.service.Name)
	e, _ := read.entry(key)
	return key.Name == u.service.Name && leads(e) && c.hasSubset(u, read)
}

// leads reports whether an entry leads requests to another service, or to another place.
func leads(e catalog.Entry) bool { return e.Resolver.Redirect != nil || len(e.Resolver.Failover) > 0 }
