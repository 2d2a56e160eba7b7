package xdsserver

import (
	"cmp"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"legate/translate"
)

// A node may stand in a zone and a region. Where that matters by a service's policy, the stream gets that service's
// assignment with other priorities (translate.Resource.From). That is worked out where a stream is served: all streams of
// a view share its tables, wherever their nodes stand. So a policy that comes or goes concerns streams that are open as any
// other change does, and is sent to those for which it makes a difference.

// localityOf is what Legate needs of a node's locality, nil if that says nothing. No instance is in a zone or a region
// with a name that is longer than any name may be.
func localityOf(node *corev3.Node) *corev3.Locality {
	region, zone := node.GetLocality().GetRegion(), node.GetLocality().GetZone()
	if region == "" && zone == "" || max(len(region), len(zone)) > maxName {
		return nil
	}
	return &corev3.Locality{Region: region, Zone: zone}
}

// placeOf is where a node stands: where its locality says. A node that says no region stands in that of the datacenter,
// as instances do; one that says nothing stands nowhere.
func placeOf(node *corev3.Node, datacenter string) translate.Place {
	l := localityOf(node)
	if l == nil {
		return translate.Place{}
	}
	return translate.Place{Region: cmp.Or(l.Region, datacenter), Zone: l.Zone}
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

// at returns a resource as the stream in a slot gets it.
func (t *table) at(r *resource, slot int) *resource {
	if r == nil || r.near == nil {
		return r
	}
	return r.at(t.places.at(slot))
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
