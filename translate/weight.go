package translate

import (
	"math"

	"legate/discovery"
)

// weightOf is the instance's share of traffic, from 1 to 2^32-1. A critical instance and one in
// maintenance keep the weight they will have again, so that only their health changes.
// Consul's agent turns 0 and less into 1 (its catalog API lets them pass), and so do we.
func weightOf(i discovery.Instance) uint64 {
	w := i.Weights.Passing
	if i.Health == discovery.Warning {
		w = i.Weights.Warning
	}
	return min(uint64(max(w, 1)), math.MaxUint32)
}

// scaleDown divides the weights of a service, in proportion, where their sum is more than the
// 2^32-1 that the xDS API allows for the endpoints of a locality and for the localities of a
// priority. Consul's agent takes weights up to 65,535; only larger ones, which came through its
// catalog API, can get here.
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
	by := (sum + room - 1) / room
	for i := range endpoints {
		endpoints[i].weight = max(endpoints[i].weight/by, 1)
	}
}
