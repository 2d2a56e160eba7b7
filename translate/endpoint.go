package translate

import (
	"cmp"
	"slices"

	"legate/discovery"
)

// endpoint is a judged instance: what Envoy needs to know of it and no more. Neither its ids
// nor its tags nor its meta are in it, so changes of those change no resource. It has no host
// name beside its address either: Envoy would use one for health checks and host rewrites only,
// and a host whose name changes is a new host to it.
type endpoint struct {
	place
	locality discovery.Locality
	state    state
	weight   uint64
}

// endpointsOf judges each instance by itself. The endpoints are distinct and sorted by
// locality and place; the problems are in the order of the instances.
func endpointsOf(s discovery.Service, datacenter string) ([]endpoint, []Problem) {
	endpoints := make([]endpoint, 0, len(s.Instances))
	var problems []Problem
	for _, i := range s.Instances {
		p, bad := placeOf(i)
		if bad.found() {
			problems = append(problems, bad.in(s.Key, i))
			continue
		}
		l, bad := localityOf(i, datacenter)
		if bad.found() {
			problems = append(problems, bad.in(s.Key, i))
		}
		endpoints = append(endpoints, endpoint{p, l, stateOf(i), weightOf(i)})
	}
	endpoints = merged(endpoints)
	scaleDown(endpoints)
	return endpoints, problems
}

// merged leaves one endpoint for each place, since Envoy takes the first of duplicates and gRPC
// rejects them. The healthiest registration wins: something answers there, and a left-over
// registration of a process that is gone must not take it away. Then the heavier one wins, then
// the smaller locality, so that neither order nor ids decide.
func merged(endpoints []endpoint) []endpoint {
	slices.SortFunc(endpoints, func(a, b endpoint) int {
		return cmp.Or(comparePlaces(a.place, b.place),
			cmp.Compare(a.state, b.state),
			cmp.Compare(b.weight, a.weight),
			compareLocalities(a.locality, b.locality))
	})
	endpoints = slices.CompactFunc(endpoints, func(a, b endpoint) bool { return a.place == b.place })
	slices.SortStableFunc(endpoints, func(a, b endpoint) int { return compareLocalities(a.locality, b.locality) })
	return endpoints
}

func comparePlaces(a, b place) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.host, b.host), cmp.Compare(a.port, b.port))
}

func compareLocalities(a, b discovery.Locality) int {
	return cmp.Or(cmp.Compare(a.Region, b.Region), cmp.Compare(a.Zone, b.Zone))
}
