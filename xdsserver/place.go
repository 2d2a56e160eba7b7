package xdsserver

import (
	"cmp"
	"sync"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"legate/translate"
)

// A node may stand in a zone and a region. Where that matters by a service's policy, the stream gets that service's
// assignment with other priorities (translate.Resource.From). That is worked out where a stream is served: all streams of
// a view share its tables, wherever their nodes stand. So a policy that comes or goes concerns streams that are open as any
// other change does, and is sent to those for which it makes a difference.

// placeOf is where a node stands: where its locality says. A node that says no region stands in that of the datacenter,
// as instances do; one that says nothing stands nowhere.
func placeOf(node *corev3.Node, datacenter string) translate.Place {
	l := node.GetLocality()
	if l.GetRegion() == "" && l.GetZone() == "" {
		return translate.Place{}
	}
	return translate.Place{Region: cmp.Or(l.GetRegion(), datacenter), Zone: l.GetZone()}
}

// places are where the nodes of a store's streams stand.
type places struct {
	bySlot  []translate.Place
	streams map[translate.Place]int // in each place
}

// at is where the stream in a slot stands.
func (p *places) at(slot int) translate.Place {
	if slot < len(p.bySlot) {
		return p.bySlot[slot]
	}
	return translate.Place{}
}

// set notes where the stream in a slot stands; the zero Place if the slot is nobody's any more.
func (p *places) set(slot int, place translate.Place) {
	was := p.at(slot)
	if was == place {
		return
	}
	if len(p.bySlot) <= slot {
		p.bySlot = append(p.bySlot, make([]translate.Place, slot+1-len(p.bySlot))...)
	}
	p.bySlot[slot] = place
	if was != (translate.Place{}) {
		if p.streams[was]--; p.streams[was] == 0 {
			delete(p.streams, was)
		}
	}
	if place != (translate.Place{}) {
		if p.streams == nil {
			p.streams = map[translate.Place]int{}
		}
		p.streams[place]++
	}
}

// stands notes where the stream in a slot stands, and makes what is served there only.
func (s *store) stands(slot int, place translate.Place) {
	if place == (translate.Place{}) {
		return
	}
	s.mu.Lock()
	s.places.set(slot, place) // from now on it is made before it is published
	s.mu.Unlock()
	s.prepare(place)
}

// prepare makes what is served in a place only. It takes a while: if it were done while somebody is served, nothing
// could be published meanwhile.
func (s *store) prepare(place translate.Place) {
	s.preparing.Lock()
	defer s.preparing.Unlock()
	for _, r := range s.nears() {
		r.at(place)
	}
}

// nears are the resources that differ from place to place.
func (s *store) nears() (all []*resource) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, t := range s.tables {
		if t.nears == 0 {
			continue
		}
		for _, e := range t.live {
			if e.res.near != nil {
				all = append(all, e.res)
			}
		}
	}
	return all
}

// prepareAll makes what is served in the places where streams are, before it is published.
func (s *store) prepareAll(resources []*resource) {
	var in []translate.Place
	for _, r := range resources {
		if r.near == nil {
			continue
		}
		if in == nil {
			if in = s.inUse(); len(in) == 0 {
				return
			}
		}
		for _, place := range in {
			r.at(place)
		}
	}
}

// inUse are the places where streams stand.
func (s *store) inUse() []translate.Place {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]translate.Place, 0, len(s.places.streams))
	for place := range s.places.streams {
		all = append(all, place)
	}
	return all
}

// near is how a resource differs from place to place.
type near struct {
	translate.Near

	mu     sync.Mutex
	places []translate.Place // with endpoints; nil: it is not known yet
	made   []placed          // by what a place is seen as
}

// placed is a resource as it is served in a place.
type placed struct {
	place translate.Place
	res   *resource
}

// prefers is how the resource differs from place to place.
func (r *resource) prefers() translate.Near {
	if r.near == nil {
		return translate.Near{}
	}
	return r.near.Near
}

// nears is 1 for a resource that differs from place to place, and 0 for others. It may be nil.
func (r *resource) nears() int {
	if r == nil || r.near == nil {
		return 0
	}
	return 1
}

// at returns the resource as it is served in a place, which is the resource itself unless its policy says otherwise. It
// may be nil. What is made is kept as long as the resource: it is no more than there are zones and regions with
// endpoints, since all other places are seen as one.
func (r *resource) at(place translate.Place) *resource {
	if r == nil || r.near == nil || place == (translate.Place{}) {
		return r
	}
	n := r.near
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.places == nil {
		n.places, _ = r.translated().Localities() // it was encoded here: it can be decoded
	}
	seen := n.Seen(place, n.places)
	if seen == (translate.Place{}) {
		return r
	}
	for _, one := range n.made {
		if one.place == seen {
			return one.res
		}
	}
	is := placed{seen, r}
	if from, err := r.translated().From(seen); err == nil && from.Version != r.version {
		is.res = newResource(from)
	}
	n.made = append(n.made, is)
	return is.res
}

// restated is what an entry was when it was published again and only what places make of it changed.
type restated struct {
	res *resource
	seq uint64
}

// restate notes the state before, if the next one is a restatement, and returns whether it is.
func (e *entry) restate(next *resource) bool {
	e.before = nil
	if e.res == nil || next == nil || e.res.version != next.version || e.res.prefers() == next.prefers() {
		return false
	}
	e.before = &restated{e.res, e.seq}
	return true
}

// isEqual reports whether the stream gets the same of an entry as of its state before, which it was offered.
func (s *subscription) isEqual(e *entry) bool {
	return e.before != nil && s.seq >= e.before.seq && s.table.isEqualAt(e, s.table.places.at(s.slot))
}

func (t *table) isEqualAt(e *entry, place translate.Place) bool {
	return e.before.res.at(place).version == e.res.at(place).version
}

// awaitRestated takes from those that have to hear of a restatement the streams to which it says nothing new. It needs
// the store's lock.
func (t *table) awaitRestated(e *entry) {
	for slot := range e.awaits.all {
		if t.isEqualAt(e, t.places.at(slot)) {
			e.awaits.clear(slot)
			e.asked--
		}
	}
}
