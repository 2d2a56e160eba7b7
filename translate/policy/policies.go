package policy

import (
	"iter"
	"slices"
	"time"

	"legate/discovery/catalog"
)

// Policies are what the operator wants: the defaults, and rules for services, in their order. The zero
// Policies has Legate's own defaults. It is never changed.
type Policies struct {
	base     Layer // nil: that of Default
	defaults []Layer
	rules    []rule
	index    index     // of the rules
	owners   []string  // globs on the fields that owners may set; nil: all that are open to them, empty: none
	notes    []Warning // what was seen while the files were read
}

// rule is one of services: in a file.
type rule struct {
	where string // file:line
	match match
	says  Layer
}

// Problem is something of one service's policy that does not count, and why.
type Problem struct {
	Source Source
	Detail string
	Remedy string
}

// Default is what Legate says by itself, where Envoy's own default would be a bad one.
func Default() Policy {
	connect, panic := Duration(5*time.Second), Percent(0)
	return Policy{ConnectTimeout: &connect, HealthyPanicThreshold: &panic}
}

// Base is a policy as the weakest layer of all.
func Base(p Policy) Layer { return LayerOf(p, Source{Kind: BuiltIn}) }

// Silent reports whether the operator says nothing of any service, nor of owners.
func (p Policies) Silent() bool {
	return len(p.defaults)+len(p.rules) == 0 && p.owners == nil
}

// Over returns the policies over another base than Legate's own.
func (p Policies) Over(base Layer) Policies {
	p.base = base
	return p
}

// For returns the effective policy of a service, or of one of its further ports, and what of it does not
// count. entry looks up Consul's config entries: it is asked for proxy-defaults and for those of the
// service's name, and for no others.
func (p *Policies) For(s catalog.Service, port string, entry func(catalog.EntryKey) (catalog.Entry, bool)) (*Effective, []Problem) {
	var problems []Problem
	found := func(one Problem) { problems = append(problems, one) }
	layers := make([]Layer, 0, 4+len(p.defaults))
	if p.base == nil {
		layers = append(layers, Base(Default()))
	} else {
		layers = append(layers, p.base)
	}
	layers = append(layers, p.defaults...)
	layers = append(layers, ofConsul(s.Key, entry, found), p.ofOwner(s, found))
	for n := range p.index.of(s.Key.Name) {
		if r := &p.rules[n]; r.match.matches(s, port) {
			layers = append(layers, r.says)
		}
	}
	e := effective(layers, func(v *Value, m Mistake) {
		found(Problem{v.Source, v.Field.Path + " " + v.Show() + " is left out: " + m.Detail, m.Remedy})
	})
	return e, slices.Clip(problems)
}

// Raw yields the policies that have raw fields: those that the defaults make, and those that each rule makes
// with them, with where they are written. What Envoy would refuse in them is left out, as in [Policies.For].
func (p *Policies) Raw() iter.Seq2[string, Policy] {
	return func(yield func(string, Policy) bool) {
		under := append([]Layer{Base(Default())}, p.defaults...)
		said := func(l Layer, layers ...Layer) bool {
			if l.get(policySchema().byPath["envoy"]) == nil {
				return true
			}
			return yield(l[0].Source.Where, effective(layers, func(*Value, Mistake) {}).Policy())
		}
		for n, l := range p.defaults {
			if !said(l, under[:n+2]...) {
				return
			}
		}
		for _, r := range p.rules {
			if !said(r.says, append(slices.Clone(under), r.says)...) {
				return
			}
		}
	}
}
