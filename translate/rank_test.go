package translate

import (
	"math/rand/v2"
	"slices"
	"testing"

	"legate/translate/policy"
)

// TestPrioritiesFollowOneAnotherAndNameALocalityOnce: whatever the ranks, gRPC clients take the assignment. They
// reject priorities with gaps, and a locality that is there twice in one priority.
func TestPrioritiesFollowOneAnotherAndNameALocalityOnce(t *testing.T) {
	type place struct {
		priority     uint32
		region, zone string
	}
	several := 0
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 21))
		endpoints, _ := testConfig().endpointsOf([]part{testConfig().part(randomService(r, own("web")), 0, policy.Default())}, "", policy.Default())
		for i := range endpoints {
			endpoints[i].rank = pick[uint32](r, 0, 3, 3, 7, maxRank)
		}
		endpoints = distinct(endpoints)
		var want []uint32 // ranks, in their order
		for _, e := range endpoints {
			want = append(want, e.rank)
		}
		ranks := slices.Compact(slices.Clone(want))
		seen, n := map[place]bool{}, 0
		for _, group := range assignment("web", policy.Default(), endpoints).Endpoints {
			at := place{group.Priority, group.Locality.Region, group.Locality.Zone}
			if seen[at] {
				t.Fatalf("seed %d: %v is there twice", seed, at)
			}
			seen[at] = true
			for range group.LbEndpoints {
				if int(group.Priority) >= len(ranks) || ranks[group.Priority] != want[n] {
					t.Fatalf("seed %d: rank %d of %d has priority %d", seed, want[n], ranks, group.Priority)
				}
				n++
			}
		}
		if n != len(want) {
			t.Fatalf("seed %d: %d endpoints of %d", seed, n, len(want))
		}
		if len(ranks) > 1 {
			several++
		}
	}
	if several < 100 {
		t.Errorf("only %d assignments had several priorities", several)
	}
}

// TestOfTwoAtOneAddressTheHealthierCountsThenTheBetterRank: a service that moved to another datacenter is served
// where it is, and the left-over registration does not take it away.
func TestOfTwoAtOneAddressTheHealthierCountsThenTheBetterRank(t *testing.T) {
	at := address{host: "10.0.0.1", port: 80}
	for _, c := range []struct {
		endpoints []endpoint
		want      uint32
	}{
		{[]endpoint{{address: at, state: critical}, {address: at, rank: 1}}, 1},
		{[]endpoint{{address: at, rank: 2, weight: 9}, {address: at, rank: 1}}, 1},
	} {
		if got := distinct(slices.Clone(c.endpoints)); len(got) != 1 || got[0].rank != c.want {
			t.Errorf("%+v became %+v", c.endpoints, got)
		}
	}
}
