package translate

import (
	"math"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

// weightOf is the instance's weight for its state, from 1 to 2^32-1. An instance that gets no traffic
// has the weight of a passing one: when it recovers, only its health changes.
func weightOf(i catalog.Instance, s state, p policy.Policy) uint64 {
	if p.Weights != nil && !*p.Weights {
		return 1
	}
	w := i.Weights.Passing
	if s == warning {
		w = i.Weights.Warning
	}
	return min(uint64(max(w, 1)), math.MaxUint32)
}

// scaleDown divides all weights by the same number if their sum is above 2^32-1, which is what the xDS
// API allows for the endpoints of a locality and for the localities of a priority. Consul keeps weights
// up to 65,535, so it takes more than 65,537 instances of one service.
func scaleDown(endpoints []endpoint) {
	var sum uint64
	for _, e := range endpoints {
		sum += e.weight
	}
	if sum <= math.MaxUint32 {
		return
	}
	// Rounding down and then up to 1 adds at most 1 for each endpoint: leave room for that.
	room := math.MaxUint32 - uint64(len(endpoints))
	divisor := (sum + room - 1) / room
	for i := range endpoints {
		endpoints[i].weight = max(endpoints[i].weight/divisor, 1)
	}
}
