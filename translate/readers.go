package translate

import (
	"slices"

	"legate/discovery/catalog"
)

// readers is the reverse index: which units read a service of others. It is a set of pairs, sorted by
// the service.
type readers struct {
	pairs *tree[pair, *pair]
}

// pair says that a unit read a service.
type pair struct {
	read catalog.ServiceKey
	unit unit
}

func (p pair) Compare(o pair) int {
	if c := p.read.Compare(o.read); c != 0 {
		return c
	}
	return p.unit.Compare(o.unit)
}

func (p *pair) key() pair                 { return *p }
func (p *pair) appendKey(b []byte) []byte { return p.unit.appendTo(appendService(b, p.read)) }

// of appends the units that read the key.
func (r readers) of(units []unit, k catalog.ServiceKey) []unit {
	for p := range r.pairs.from(pair{read: k}) {
		if p.read != k {
			break
		}
		units = append(units, p.unit)
	}
	return units
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

// missingFrom are the keys that a cell read and the other one did not. Either may be nil.
func missingFrom(a, other *cell) []catalog.ServiceKey {
	if a == nil || other != nil && slices.Equal(a.reads, other.reads) {
		return nil
	}
	if other == nil {
		return a.reads
	}
	return slices.DeleteFunc(slices.Clone(a.reads), func(k catalog.ServiceKey) bool {
		_, both := slices.BinarySearchFunc(other.reads, k, catalog.ServiceKey.Compare)
		return both
	})
}
