package translate

import (
	"cmp"
	"slices"
	"unique"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

// Place is where a node stands, as where an instance does. The zero Place is nowhere.
type Place = catalog.Locality

// Near says which endpoints of an assignment a node uses first because of where it stands. The zero Near: none.
//
// It is not in the bytes of the resource: those are for nodes that stand nowhere. [Resource.From] makes the others of
// them, which differ in the priorities and in what follows from those: the factor and the weights of localities. So a
// node's place is not looked at before somebody is served, and all that is equal is held once.
type Near struct {
	By     Nearness
	Spills bool // the farther ones get a share as soon as some of the nearer ones are unhealthy, and not only without any
	Fixed  bool // the policy has an overprovisioning factor of its own, which decides that instead
}

// Nearness is how far the order of endpoints goes.
type Nearness uint8

// The orders.
const (
	Anywhere Nearness = iota // they are all the same
	ByRegion                 // the own region, then the rest
	ByZone                   // the own zone, then its region, then the rest
)

// nearOf is what a policy says.
func nearOf(p policy.Policy) Near {
	by, prefers := map[string]Nearness{"region": ByRegion, "zone": ByZone}[text(p.Prefer)]
	if !prefers {
		return Near{}
	}
	return Near{By: by, Spills: spills(p), Fixed: p.OverprovisioningFactor != nil}
}

// distance is how far an endpoint is from a node.
type distance uint8

// The distances, the nearest first.
const (
	inZone distance = iota
	inRegion
	elsewhere
)

// distance is how far a locality is from a place. A place without a zone is in none, and one without a region is nowhere.
func (n Near) distance(from Place, l catalog.Locality) distance {
	switch {
	case n.By == Anywhere || from.Region == "" || from.Region != l.Region:
		return elsewhere
	case n.By == ByZone && from.Zone != "" && from.Zone == l.Zone:
		return inZone
	}
	return inRegion
}

// Seen is a place as far as it matters where endpoints are: two places from which all of them are equally far are one.
// So there are no more places than zones and regions with endpoints, whatever nodes say. It is a number of its own, 0 for
// nowhere. The endpoints are those of [Resource.Localities].
func (n Near) Seen(from Place, endpoints []catalog.Locality) (seen int) {
	for i, l := range endpoints {
		switch n.distance(from, l) {
		case inZone:
			return i + 1
		case inRegion:
			if seen == 0 {
				seen = -i - 1
			}
		}
	}
	return seen
}

// Localities are those of an assignment's endpoints, sorted and distinct.
func (r Resource) Localities() ([]catalog.Locality, error) {
	a, err := r.assignment()
	if err != nil {
		return nil, err
	}
	all := make([]catalog.Locality, 0, len(a.GetEndpoints()))
	for _, group := range a.GetEndpoints() {
		l := localityIn(group) // there are few names, and many assignments with them
		all = append(all, catalog.Locality{Region: unique.Make(l.Region).Value(), Zone: unique.Make(l.Zone).Value()})
	}
	slices.SortFunc(all, compareLocalities)
	return slices.Compact(all), nil
}

// From returns the resource as a node gets it that stands there. Within each priority the nearest endpoints come first,
// and priorities follow one another from 0 on. It is the very same resource if that changes nothing.
//
// Its version covers that of the usual one: a changed cluster brings it along, too.
func (r Resource) From(place Place) (Resource, error) {
	if r.Near.By == Anywhere || place.Region == "" {
		return r, nil
	}
	a, err := r.assignment()
	if err != nil || !r.Near.order(a, place) {
		return r, err
	}
	return encode(r.Name, a, r.Version)
}

func (r Resource) assignment() (*endpointv3.ClusterLoadAssignment, error) {
	m, err := Decode(r)
	a, _ := m.(*endpointv3.ClusterLoadAssignment)
	return a, err
}

func localityIn(group *endpointv3.LocalityLbEndpoints) catalog.Locality {
	return catalog.Locality{Region: group.GetLocality().GetRegion(), Zone: group.GetLocality().GetZone()}
}

// order gives the groups of an assignment other priorities, and reports whether any is another.
func (n Near) order(a *endpointv3.ClusterLoadAssignment, from Place) (changed bool) {
	var spots []spot
	endpoints := 0
	for _, group := range a.GetEndpoints() {
		spots = append(spots, n.spot(from, group.GetPriority(), localityIn(group)))
		endpoints += len(group.GetLbEndpoints())
	}
	priorities := prioritiesOf(spots)
	for i, group := range a.GetEndpoints() {
		if is := priorities[spots[i]]; is != group.Priority {
			group.Priority, changed = is, true
		}
	}
	if !changed {
		return false
	}
	slices.SortStableFunc(a.Endpoints, func(a, b *endpointv3.LocalityLbEndpoints) int { return cmp.Compare(a.Priority, b.Priority) })
	if !n.Fixed {
		a.Policy = n.overprovisioning(endpoints)
	}
	weigh(a, endpoints)
	return true
}

// overprovisioning is the factor for so many endpoints to which nearness gives other priorities; nil is Envoy's own.
func (n Near) overprovisioning(endpoints int) *endpointv3.ClusterLoadAssignment_Policy {
	if n.Spills {
		return nil
	}
	return healthyFirst(endpoints)
}

// spot is what decides where endpoints come in the order: sites and failover first, then how far they are.
type spot struct {
	priority uint32
	distance distance
}

func (n Near) spot(from Place, priority uint32, l catalog.Locality) spot {
	return spot{priority, n.distance(from, l)}
}

func (s spot) compare(o spot) int {
	return cmp.Or(cmp.Compare(s.priority, o.priority), cmp.Compare(s.distance, o.distance))
}

// prioritiesOf are those of spots, from 0 on. If they were more than Envoy takes, distances do not count.
func prioritiesOf(spots []spot) map[spot]uint32 {
	distinct := slices.Clone(spots)
	slices.SortFunc(distinct, spot.compare)
	distinct = slices.Compact(distinct)
	all := make(map[spot]uint32, len(distinct))
	for i, one := range distinct {
		if all[one] = uint32(i); len(distinct) > maxRank+1 {
			all[one] = one.priority
		}
	}
	return all
}

// From is the explanation for a node that stands there: each endpoint has the priority that it has for that node.
func (x Explanation) From(place Place) Explanation {
	if x.Near.By == Anywhere {
		return x
	}
	var spots []spot
	for _, b := range x.Instances {
		for _, e := range b.Endpoints {
			spots = append(spots, x.Near.spot(place, e.Priority, e.Locality))
		}
	}
	priorities := prioritiesOf(spots)
	x.Instances = slices.Clone(x.Instances)
	changed := false
	for i := range x.Instances {
		b := &x.Instances[i]
		b.Endpoints = slices.Clone(b.Endpoints)
		for n := range b.Endpoints {
			e := &b.Endpoints[n]
			if is := priorities[x.Near.spot(place, e.Priority, e.Locality)]; is != e.Priority {
				e.Priority, changed = is, true
			}
		}
	}
	if changed && !x.Near.Fixed {
		x.Overprovisioning = x.Near.overprovisioning(len(spots)).GetOverprovisioningFactor().GetValue()
	}
	return x
}
