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
	made    made
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
			p.made.forget(was) // what is published next is not made for it
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
