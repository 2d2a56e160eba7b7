package translate

import (
	"slices"

	"legate/discovery/catalog"
)

// readers is the reverse index: which units read what of others. It is a set of pairs, sorted by
// what was read.
type readers struct {
	pairs *tree[pair, *pair]
}

// pair says what a unit read.
type pair struct {
	read dependency
	unit unit
}

func (p pair) Compare(o pair) int {
	if c := p.read.Compare(o.read); c != 0 {
		return c
	}
	return p.unit.Compare(o.unit)
}

func (p *pair) key() pair { return *p }
func (p *pair) appendKey(b []byte) []byte {
	if b = appendService(b, p.read.service); p.read.folded {
		b = append(b, 1)
	}
	return p.unit.appendTo(appendStrings(b, p.read.entry.Kind, p.read.entry.Name))
}

// of appends the units that read it.
func (r readers) of(units []unit, k dependency) []unit {
	for p := range r.pairs.from(pair{read: k}) {
		if p.read != k {
			break
		}
		units = append(units, p.unit)
	}
	return units
}

// any reports whether some unit reads a service of others, by its name in whatever case.
func (r readers) any(k catalog.ServiceKey) bool {
	return r.has(dependency{service: k}) || r.has(folded(k))
}

func (r readers) has(read dependency) bool {
	for p := range r.pairs.from(pair{read: read}) {
		return p.read == read
	}
	return false
}

// ofService appends the units that read a service, by its name in whatever case.
func (r readers) ofService(units []unit, k catalog.ServiceKey) []unit {
	return r.of(r.of(units, dependency{service: k}), folded(k))
}

// rereading is what a unit read, and reads from now on, sorted.
type rereading struct {
	unit     unit
	from, to []dependency
}

// after returns the readers after units have read anew.
func (r readers) after(all []rereading) readers {
	var added []*pair
	for _, one := range all {
		for _, k := range missingFrom(one.to, one.from) {
			added = append(added, &pair{k, one.unit})
		}
		for _, k := range missingFrom(one.from, one.to) {
			r.pairs = r.pairs.without(pair{k, one.unit})
		}
	}
	slices.SortFunc(added, func(a, b *pair) int { return a.Compare(*b) })
	r.pairs = r.pairs.with(added)
	return r
}

// missingFrom is what is in the first and not in the other one. Both are sorted.
func missingFrom(a, other []dependency) []dependency {
	if slices.Equal(a, other) {
		return nil
	}
	if len(other) == 0 {
		return a
	}
	return slices.DeleteFunc(slices.Clone(a), func(k dependency) bool {
		_, both := slices.BinarySearchFunc(other, k, dependency.Compare)
		return both
	})
}
