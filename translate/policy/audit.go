package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"legate/discovery/catalog"
	"legate/internal/glob"
	"legate/internal/suggest"
)

// Audit finds what of the operator's files has a say for no service of a catalog: rules that match none, rules
// and fields that others overrule everywhere, and fields that have no effect anywhere. Nothing of it is a mistake
// by itself: the service may come tomorrow.
type Audit struct {
	policies *Policies
	services []catalog.Service
	matched  map[*rule]bool
	counts   map[*Value]bool   // whether a value holds for a service, and has an effect
	idle     map[*Value]Idle   // why a value that holds has none, for one of the services
	held     map[*Value]bool   // whether it holds for one
	over     map[*Value]*Value // what overrules it, for one of the services
}

// Audit begins an audit.
func (p *Policies) Audit() *Audit {
	return &Audit{policies: p, matched: map[*rule]bool{}, counts: map[*Value]bool{}, idle: map[*Value]Idle{}, held: map[*Value]bool{}, over: map[*Value]*Value{}}
}

// Service adds a service, or one of its further ports, with what [Policies.For] returned for it.
func (a *Audit) Service(s catalog.Service, port string, e *Effective) {
	if port == "" {
		a.services = append(a.services, s)
	}
	idle := e.Idle()
	for _, v := range e.values {
		a.held[v] = true
		if len(idle) > 0 && idle[0].Value == v {
			a.idle[v], idle = idle[0], idle[1:]
		} else {
			a.counts[v] = true
		}
	}
	for i := range a.policies.rules {
		r := &a.policies.rules[i]
		if !r.match.matches(s, port) {
			continue
		}
		a.matched[r] = true
		for _, v := range r.says {
			if now := e.values.get(v.Field); now != nil && now != v {
				a.over[v] = now
			}
		}
	}
}

// Warnings are what was found, in the order of the files. Those of [Policies.Warnings] are not among them.
func (a *Audit) Warnings() (all []Warning) {
	for _, one := range a.policies.idleAlone() {
		delete(a.idle, one.Value)
	}
	for _, l := range a.policies.defaults {
		all = append(all, a.nowhere(l)...)
	}
	for i := range a.policies.rules {
		r := &a.policies.rules[i]
		all = append(all, a.strangers(r)...)
		switch {
		case a.matched[r]:
			all = append(all, a.overruled(r)...)
			all = append(all, a.nowhere(r.says)...)
		default:
			if why := a.unmatched(r); why != "" {
				all = append(all, Warning{r.where, "no service matches this rule: " + why, "correct match, or remove the rule if its services will not come back"})
			}
		}
	}
	return all
}

// nowhere are the fields of a layer that hold for some service, and have no effect for any.
func (a *Audit) nowhere(l Layer) (all []Warning) {
	for _, v := range l {
		if one, is := a.idle[v]; is && !a.counts[v] {
			all = append(all, v.warn("has no effect for any service: "+one.Detail, one.Remedy))
		}
	}
	return all
}

// overruled is the warning that no field of a rule holds for any of its services, because stronger ones do.
func (a *Audit) overruled(r *rule) []Warning {
	for _, v := range r.says {
		if a.over[v] == nil || a.held[v] {
			return nil
		}
	}
	if len(r.says) == 0 {
		return []Warning{{r.where, "this rule says nothing", "write what shall hold for its services, or remove it"}}
	}
	first := r.says[0]
	return []Warning{{r.where, fmt.Sprintf("this rule has no say: of each service that it matches, another source overrules all of its fields (%s: %s)", first.Field.Path, a.over[first].Source),
		"move the rule behind the others, or remove it: of several rules the last one counts"}}
}

// strangers are the names in a rule's match that no service has.
func (a *Audit) strangers(r *rule) (all []Warning) {
	var names []string
	for _, s := range a.services {
		names = append(names, s.Key.Name)
	}
	for _, pattern := range r.match.names {
		if !slices.ContainsFunc(names, func(name string) bool { return glob.Match(pattern, name) }) {
			all = append(all, Warning{r.where, "no service is called " + quote(pattern),
				near(pattern, names, "correct the name, or remove it if the service will not come back")})
		}
	}
	return all
}

// near is the suggestion of a word that is known, or else what to do.
func near(word string, known []string, otherwise string) string {
	slices.Sort(known)
	if hint := suggest.DidYouMean(strings.Trim(word, "*"), slices.Compact(known)); hint != "" {
		return strings.TrimPrefix(hint, ": ")
	}
	return otherwise
}

// unmatched is why a rule matches no service; empty if no service has one of its names.
func (a *Audit) unmatched(r *rule) string {
	m := &r.match
	named := match{names: m.names}
	placed := match{names: m.names, datacenters: m.datacenters, peers: m.peers}
	var ports, tags, keys []string
	values := map[string][]string{}
	some, there := false, false
	for _, s := range a.services {
		if !named.matches(s, "") {
			continue
		}
		some = true
		if !placed.matches(s, "") {
			continue
		}
		there = true
		for _, i := range s.Voters() {
			tags = append(tags, i.Tags...)
			keys = slices.AppendSeq(keys, maps.Keys(i.Meta))
			for key, value := range i.Meta {
				values[key] = append(values[key], value)
			}
			for _, port := range i.Ports {
				ports = append(ports, port.Name)
			}
		}
	}
	lacks := func(what, word string, known []string) string {
		return fmt.Sprintf("no instance has the %s %s%s", what, quote(word), suggest.DidYouMean(word, known))
	}
	switch {
	case !some && len(m.names) > 0:
		return ""
	case !some:
		return "there is no service"
	case !there:
		return "no such service is at one of " + strings.Join(slices.Concat(m.datacenters, m.peers), ", ")
	}
	for _, one := range []struct {
		what  string
		words []string
		known []string
	}{{"port", m.ports, ports}, {"tag", m.tags, tags}, {"meta", slices.Sorted(maps.Keys(m.meta)), keys}} {
		for _, word := range one.words {
			if !slices.Contains(one.known, word) && (one.what != "port" || !slices.ContainsFunc(m.ports, func(p string) bool { return slices.Contains(ports, p) })) {
				return lacks(one.what, word, one.known)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(m.meta)) {
		if !slices.ContainsFunc(values[key], func(value string) bool { return glob.Match(m.meta[key], value) }) {
			return lacks("meta "+key, m.meta[key], values[key])
		}
	}
	return "its conditions hold for most instances of no service"
}
