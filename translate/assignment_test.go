package translate

import (
	"fmt"
	"slices"
	"testing"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

// TestALocalityWeighsWhatTakesTrafficWhereEnvoyTakesNothingOff: with a factor by which one healthy endpoint counts for
// all, a zone with one healthy endpoint of ten would get as much as one with ten.
func TestALocalityWeighsWhatTakesTrafficWhereEnvoyTakesNothingOff(t *testing.T) {
	zone := func(zone string, weight uint64, states ...state) (all []endpoint) {
		for n, is := range states {
			all = append(all, endpoint{address: address{host: fmt.Sprintf("10.0.%d.%d", zone[0], n+1), port: 80}, state: is,
				weight: weight, locality: catalog.Locality{Region: "eu", Zone: zone}})
		}
		return all
	}
	sick := slices.Repeat([]state{critical}, 9)
	behind := func(all []endpoint) []endpoint {
		for i := range all {
			all[i].rank = 1
		}
		return all
	}
	reserve := behind(zone("z", 7, passing))
	for _, c := range []struct {
		name      string
		policy    policy.Policy
		endpoints [][]endpoint
		want      string // of each locality, its weight
	}{
		{"Envoy takes unhealthy ones off", policy.Policy{}, [][]endpoint{zone("a", 2, append(sick, passing)...), zone("b", 2, passing)}, "20 2"},
		{"one is healthy of ten", policy.Policy{}, [][]endpoint{zone("a", 2, append(sick, passing)...), zone("b", 2, passing, warning), reserve}, "2 4 7"},
		{"none takes traffic", policy.Policy{}, [][]endpoint{zone("a", 2, critical, maintenance), zone("b", 2, passing), reserve}, "1 2 7"},
		{"degraded ones take traffic where no other does", policy.Policy{}, [][]endpoint{zone("a", 2, degraded, degraded, critical), zone("b", 2, degraded, passing)}, "4 2"},
		{"the next priority gets a share early", policy.Policy{FailoverWhen: new("degraded")}, [][]endpoint{zone("a", 2, append(sick, passing)...), zone("b", 2, passing), reserve}, "20 2 7"},
	} {
		var got []string
		for _, group := range assignment("web", c.policy, distinct(slices.Concat(c.endpoints...))).Endpoints {
			got = append(got, fmt.Sprint(group.LoadBalancingWeight.Value))
		}
		if want := "[" + c.want + "]"; fmt.Sprint(got) != want {
			t.Errorf("%s: the localities weigh %v, want %s", c.name, got, want)
		}
	}
}
