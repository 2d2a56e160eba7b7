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
	b = appendService(b, p.read.service)
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

// any reports whether some unit reads a service of others.
func (r readers) any(k catalog.ServiceKey) bool {
	read := dependency{service: k}
	for p := range r.pairs.from(pair{read: read}) {
		return p.read == read
	}
	return false
}

// after returns the readers after cells were built again.
func (r readers) after(rebuilt []rebuilding) readers {
	var added []*pair
	for _, b := range rebuilt {
		for _, k := range missingFrom(b.to, b.from) {
			added = append(added, &pair{k, b.unit})
		}
		for _, k := range missingFrom(b.from, b.to) {
			r.pairs = r.pairs.without(pair{k, b.unit})
		}
	}
	slices.SortFunc(added, func(a, b *pair) int { return a.Compare(*b) })
	r.pairs = r.pairs.with(added)
	return r
}

// missingFrom is what a cell read and the other one did not. Either may be nil.
func missingFrom(a, other *cell) []dependency {
	if a == nil || other != nil && slices.Equal(a.reads, other.reads) {
		return nil
	}
	if other == nil {
		return a.reads
	}
	return slices.DeleteFunc(slices.Clone(a.reads), func(k dependency) bool {
		_, both := slices.BinarySearchFunc(other.reads, k, dependency.Compare)
		return both
	})
}
