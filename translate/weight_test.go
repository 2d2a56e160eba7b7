package translate

import (
	"math"
	"testing"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"

	"legate/discovery/catalog"
)

// TestHugeWeightsKeepTheirProportions though their sum would not fit the API.
func TestHugeWeightsKeepTheirProportions(t *testing.T) {
	s := catalog.Service{Key: own("web")}
	for n, w := range []int{1 << 31, 1 << 32, 1 << 31, 1 << 62, 1} {
		s.Instances = append(s.Instances, catalog.Instance{
			Node: "n", ID: string(rune('a' + n)), Address: "10.0.0." + string(rune('1'+n)), Port: 80,
			Weights: catalog.Weights{Passing: w},
		})
	}
	m, err := Decode(resource(t, serve(t, s), AssignmentType, "web"))
	if err != nil {
		t.Fatal(err)
	}
	locality := m.(*endpointv3.ClusterLoadAssignment).Endpoints[0]
	var sum uint64
	var got []uint32
	for _, e := range locality.LbEndpoints {
		got = append(got, e.LoadBalancingWeight.Value)
		sum += uint64(e.LoadBalancingWeight.Value)
	}
	if sum > math.MaxUint32 || sum != uint64(locality.LoadBalancingWeight.Value) {
		t.Errorf("the weights %v sum up to %d in a locality of weight %d", got, sum, locality.LoadBalancingWeight.Value)
	}
	if got[0] != got[2] || got[1]/got[0] != 1 && got[1]/got[0] != 2 || got[1] < got[0]*2-1 || got[4] != 1 {
		t.Errorf("weights of 1:2:1:2(cut):0 became %v", got)
	}
}
