package translate

import (
	"cmp"
	"slices"

	"legate/discovery/catalog"
)

// endpoint is a judged instance: what Envoy needs to know of it and no more. Neither its ids
// nor its tags nor its meta are in it, so changes of those change no resource. A host name
// goes with the addresses that it stands for, so that Envoy can rewrite the Host header to it.
type endpoint struct {
	place
	locality catalog.Locality
	state    state
	weight   uint64
}

// endpointsOf judges each instance by itself; of no port's name: by the port that it has as a rule. The endpoints are distinct and sorted by
// locality and place; the problems are in the order of the instances.
func (c Config) endpointsOf(s catalog.Service, port string) ([]endpoint, []Problem) {
	endpoints := make([]endpoint, 0, len(s.Instances))
	var problems []Problem
	for _, i := range s.Instances {
		places, bad := c.placesOf(s, i, port)
		for _, b := range bad {
			if port == "" || b.reason == BadPort { // the rest is said of the instance already
				problems = append(problems, b.in(s.Key, i))
			}
		}
		if len(places) == 0 {
			continue
		}
		l, odd := localityOf(i, c.Datacenter)
		if odd.found() && port == "" {
			problems = append(problems, odd.in(s.Key, i))
		}
		for _, p := range places {
			endpoints = append(endpoints, endpoint{p, l, stateOf(i), weightOf(i)})
		}
	}
	endpoints = merged(endpoints)
	scaleDown(endpoints)
	return endpoints, problems
}

// merged leaves one endpoint for each place, since Envoy takes the first of duplicates and gRPC
// rejects them. The healthiest registration wins: something answers there, and a left-over
// registration of a process that is gone must not take it away. Then the heavier one wins, then
// the smaller locality and name, so that neither order nor ids decide.
func merged(endpoints []endpoint) []endpoint {
	slices.SortFunc(endpoints, func(a, b endpoint) int {
		return cmp.Or(comparePlaces(a.place, b.place),
			cmp.Compare(a.state, b.state),
			cmp.Compare(b.weight, a.weight),
			compareLocalities(a.locality, b.locality),
			cmp.Compare(a.name, b.name))
	})
	endpoints = slices.CompactFunc(endpoints, func(a, b endpoint) bool { return comparePlaces(a.place, b.place) == 0 })
	slices.SortStableFunc(endpoints, func(a, b endpoint) int { return compareLocalities(a.locality, b.locality) })
	return endpoints
}

// comparePlaces does not look at the names: who listens is one, however many names it has.
func comparePlaces(a, b place) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.host, b.host), cmp.Compare(a.port, b.port))
}

func compareLocalities(a, b catalog.Locality) int {
	return cmp.Or(cmp.Compare(a.Region, b.Region), cmp.Compare(a.Zone, b.Zone))
}
