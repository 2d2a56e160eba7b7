package translate

import (
	"cmp"
	"slices"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

// endpoint is what Envoy needs to know of an instance, and no more. Neither ids nor tags nor meta
// are in it, except those that the policy names, so changes of others change no resource. An address that a host name was resolved to
// carries the name, so that Envoy can rewrite the Host header to it.
type endpoint struct {
	address
	rank     uint32 // those of rank 0 are used first; the others in their order, as far as Envoy falls back to them
	locality catalog.Locality
	state    state
	weight   uint64
	metadata labels
	instance int // which one it is made of, counted through all parts: nothing that is sent depends on it
}

// endpointsOf makes endpoints of the instances that can be served, and problems of what cannot: of
// the named port, or without a name of the port that each instance has by default. The endpoints are
// distinct and sorted by rank, locality and address; the problems are in the order of the parts and their instances.
//
// Host names that Envoy resolves make a DNS cluster of it. That follows from the first part: without one there, those of
// later parts are left out.
func (c Config) endpointsOf(parts []part, port string, p policy.Policy) ([]endpoint, []Problem) {
	most := 0
	for _, s := range parts {
		most += len(s.Instances)
	}
	endpoints := make([]endpoint, 0, most)
	var addresses []address
	var problems []Problem
	n, named := -1, false
	for at, s := range parts {
		for _, i := range s.Instances {
			n++
			state := s.state(stateOf(i, p))
			if state == dropped || !s.has(&i) {
				continue
			}
			var flaws []flaw
			addresses, flaws = c.addressesOf(addresses[:0], s, i, port)
			for _, bad := range flaws {
				if !s.quiet && (port == "" || bad.reason == BadPort) { // the rest is told of the default port already
					problems = append(problems, bad.in(s.Key, i))
				}
			}
			if len(addresses) > 0 && addresses[0].kind == kindHostname {
				if named = named || at == 0; !named {
					if port == "" {
						problems = append(problems, namedLater(addresses[0]).in(s.Key, i))
					}
					continue
				}
			}
			if len(addresses) == 0 {
				continue
			}
			l, bad := localityOf(i, s.region)
			if bad.found() && port == "" && !s.quiet {
				problems = append(problems, bad.in(s.Key, i))
			}
			weight, metadata := weightOf(i, state, p), labelsOf(i, p.EndpointMetadata)
			for _, a := range addresses {
				endpoints = append(endpoints, endpoint{a, s.rank, l, state, weight, metadata, n})
			}
		}
	}
	endpoints = distinct(endpoints)
	scaleDown(endpoints)
	return endpoints, problems
}

// distinct leaves one endpoint for each address, since Envoy takes the first of duplicates and gRPC
// rejects them. The healthiest registration wins: something answers there, and a left-over
// registration of a process that is gone must not take it away. Then the better rank wins, then the heavier one,
// then the smaller locality and name, so that neither order nor ids decide.
func distinct(endpoints []endpoint) []endpoint {
	slices.SortFunc(endpoints, func(a, b endpoint) int {
		return cmp.Or(compareAddresses(a.address, b.address),
			cmp.Compare(a.state, b.state),
			cmp.Compare(a.rank, b.rank),
			cmp.Compare(b.weight, a.weight),
			compareLocalities(a.locality, b.locality),
			cmp.Compare(a.hostname, b.hostname),
			slices.CompareFunc(a.metadata, b.metadata, label.compare),
			cmp.Compare(a.instance, b.instance)) // equal in all that is sent
	})
	endpoints = slices.CompactFunc(endpoints, func(a, b endpoint) bool { return compareAddresses(a.address, b.address) == 0 })
	slices.SortStableFunc(endpoints, func(a, b endpoint) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), compareLocalities(a.locality, b.locality))
	})
	return endpoints
}

// maxRank is the last priority that Envoy takes (envoy.config.endpoint.v3.LocalityLbEndpoints). What would be
// behind it shares it.
const maxRank = 128

// closeRanks makes the ranks of sorted endpoints follow one another from 0 on: gRPC rejects priorities with gaps.
// Their order stays.
func closeRanks(endpoints []endpoint) {
	var was, now uint32
	for i := range endpoints {
		e := &endpoints[i]
		if i > 0 && e.rank != was {
			now++
		}
		was, e.rank = e.rank, now
	}
}

func compareLocalities(a, b catalog.Locality) int {
	return cmp.Or(cmp.Compare(a.Region, b.Region), cmp.Compare(a.Zone, b.Zone))
}
