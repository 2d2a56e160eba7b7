package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Warning is something in the operator's files that is allowed, and hardly meant.
type Warning struct {
	Where  string // file:line
	Detail string // what it is
	Remedy string // what to do about it
}

// Error is the warning in one line.
func (w Warning) Error() string { return fmt.Sprintf("%s: %s: %s", w.Where, w.Detail, w.Remedy) }

// warn notes something at a node.
func (v *Value) warn(detail, remedy string) Warning {
	file, _, _ := cutLast(v.Source.Where, ":")
	return Warning{fmt.Sprintf("%s:%d", file, v.line), v.Field.Path + " " + detail, remedy}
}

func cutLast(s, sep string) (before, after string, found bool) {
	at := strings.LastIndex(s, sep)
	if at < 0 {
		return s, "", false
	}
	return s[:at], s[at+len(sep):], true
}

// Warnings are what each rule shows by itself: keys without a value, and fields that have no effect beside another
// one of the same rule.
func (p *Policies) Warnings() []Warning {
	all := slices.Clone(p.notes)
	for _, one := range p.idleAlone() {
		all = append(all, one.Value.warn("has no effect: "+one.Detail, one.Remedy))
	}
	return all
}

// idleAlone are the values that have no effect because of another one of the same rule, which no later rule
// overrules.
func (p *Policies) idleAlone() (all []Idle) {
	for at, r := range p.rules {
		own := r.says.policy()
		for _, v := range r.says {
			n := idleIn(own, v.Field)
			if n != nil && n.said(r.says) && !slices.ContainsFunc(p.rules[at:], func(later rule) bool { return n.met(Merge(r.says, later.says).policy()) }) {
				all = append(all, Idle{v, n.why(r.says), n.remedy})
			}
		}
	}
	return all
}

// said reports whether a layer says something of the fields that decide.
func (n *need) said(l Layer) bool {
	return slices.ContainsFunc(l, func(v *Value) bool { return n.decides(v.Field.Path) })
}

// Lacking are fields that have no effect without another one, which no file sets. [Audit] knows it of each service,
// whoever sets it there.
func (p *Policies) Lacking() (all []Warning) {
	var layers []Layer
	for _, r := range p.rules {
		layers = append(layers, r.says)
	}
	for _, l := range p.defaults {
		all = append(all, p.lacking(l, false, append(slices.Clone(p.defaults), layers...))...)
	}
	for _, l := range layers {
		all = append(all, p.lacking(l, true, append(slices.Clone(p.defaults), layers...))...)
	}
	return all
}

// lacking are the fields of a layer that have no effect unless somebody else says something, and no other layer of
// the files does. Who else can is the service's owner; what Consul's entries can say is not asked for here.
func (p *Policies) lacking(own Layer, isRule bool, layers []Layer) (all []Warning) {
	remains := func(broken func(Policy) bool) bool {
		return !slices.ContainsFunc(layers, func(l Layer) bool { return !broken(Merge(l, own).policy()) || !broken(Merge(own, l).policy()) })
	}
	for _, m := range own.policy().contradictions() {
		if v := m.weakest(own); len(m.Lacks) > 0 && v != nil && !consulSays(m.Lacks) &&
			remains(func(p Policy) bool { return slices.ContainsFunc(p.contradictions(), m.same) }) {
			all = append(all, v.warn(p.unless(m.Lacks)+": "+m.Detail, m.Remedy))
		}
	}
	for _, v := range own {
		n := idleIn(own.policy(), v.Field)
		if n == nil || isRule && n.said(own) || consulSays(strings.Fields(n.deciders)) {
			continue
		}
		if remains(func(p Policy) bool { return !n.met(p) }) {
			all = append(all, v.warn(p.unless(strings.Fields(n.deciders))+": "+n.why(own), n.remedy))
		}
	}
	return all
}

// same reports whether two mistakes are the same one.
func (m Mistake) same(o Mistake) bool {
	return m.Detail == o.Detail && slices.Equal(m.Fields, o.Fields)
}

// unless says that something has no effect, and who can change that.
func (p *Policies) unless(lacks []string) string {
	for _, path := range lacks {
		if f := policySchema().byPath[path]; f != nil && f.Owner && p.allows(f) {
			return "has no effect unless the service's owner sets " + path
		}
	}
	return "has no effect"
}

// consulSays reports whether Consul's config entries can say one of these fields.
func consulSays(paths []string) bool {
	return slices.ContainsFunc(paths, func(path string) bool { return path == "protocol" || path == "lb_policy" })
}
