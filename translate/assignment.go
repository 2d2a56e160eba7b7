package translate

import (
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"legate/translate/policy"
)

// EmptyAssignment is the assignment for a name that Consul does not have. Envoy delays its start for
// an assignment that nobody answers, and keeps the old endpoints of one that is merely left out. With
// an empty one it answers "no healthy upstream" at once. It is validated as every other resource is;
// the error says why no client could take it.
func EmptyAssignment(name string) (Resource, error) {
	return encode(Name{AssignmentType, name}, assignment(name, policy.Policy{}, nil))
}

// assignment groups sorted endpoints by rank and locality. A rank is a priority: Envoy uses those of the next one
// when the ones before lack healthy endpoints.
func assignment(name string, p policy.Policy, endpoints []endpoint) *endpointv3.ClusterLoadAssignment {
	closeRanks(endpoints)
	a := &endpointv3.ClusterLoadAssignment{ClusterName: name, Policy: overprovisioning(p, endpoints)}
	var group *endpointv3.LocalityLbEndpoints
	for i, e := range endpoints {
		if i == 0 || e.rank != endpoints[i-1].rank || e.locality != endpoints[i-1].locality {
			group = &endpointv3.LocalityLbEndpoints{
				Locality: &corev3.Locality{Region: e.locality.Region, Zone: e.locality.Zone},
				Priority: e.rank,
			}
			a.Endpoints = append(a.Endpoints, group)
		}
		group.LbEndpoints = append(group.LbEndpoints, lbEndpoint(e))
	}
	weigh(a, len(endpoints))
	return a
}

// weigh gives each locality of an assignment of n endpoints its weight.
func weigh(a *endpointv3.ClusterLoadAssignment, n int) {
	factor := a.GetPolicy().GetOverprovisioningFactor()
	oneCountsForAll := factor != nil && uint64(factor.Value) >= 100*uint64(n)
	for _, group := range a.Endpoints {
		group.LoadBalancingWeight = wrapperspb.UInt32(uint32(LocalityWeight(group, oneCountsForAll))) // fits: see scaleDown
	}
}

// LocalityWeight is the weight of a locality by which each of its endpoints gets the share that it would get without
// localities: the sum of their weights. Envoy itself takes the unhealthy ones off a locality's weight, by
// min(1, factor · healthy / all). By a factor with which one endpoint counts for all it takes nothing off, so they are not
// in the sum then. It is 1 at least: clients leave out a locality without a weight.
func LocalityWeight(group *endpointv3.LocalityLbEndpoints, oneCountsForAll bool) uint64 {
	var all, healthy, degraded uint64
	for _, e := range group.LbEndpoints {
		weight := uint64(1)
		if w := e.GetLoadBalancingWeight(); w != nil {
			weight = uint64(w.Value)
		}
		all += weight
		switch e.HealthStatus {
		case corev3.HealthStatus_UNKNOWN, corev3.HealthStatus_HEALTHY:
			healthy += weight
		case corev3.HealthStatus_DEGRADED:
			degraded += weight
		}
	}
	switch {
	case !oneCountsForAll:
		return max(all, 1)
	case healthy == 0:
		return max(degraded, 1) // they get what no healthy one takes
	}
	return healthy
}

// overprovisioning is the factor, in percent, by which Envoy multiplies the share of healthy endpoints of a priority. What
// is not 100 % then goes to the next one, and after them to degraded endpoints. By Envoy's own factor, 140, that begins
// as soon as fewer than 1/1.4 of them are healthy. Nil is Envoy's own.
func overprovisioning(p policy.Policy, endpoints []endpoint) *endpointv3.ClusterLoadAssignment_Policy {
	n := len(endpoints)
	several := n > 0 && endpoints[n-1].rank > 0
	switch {
	case p.OverprovisioningFactor != nil:
		return &endpointv3.ClusterLoadAssignment_Policy{OverprovisioningFactor: whole(p.OverprovisioningFactor)}
	case several && spills(p):
		return nil
	case several || slices.ContainsFunc(endpoints, func(e endpoint) bool { return e.state == degraded }):
		return healthyFirst(n)
	default:
		return nil
	}
}

// spills reports whether the next priority gets a share before the one before it has no healthy endpoint.
func spills(p policy.Policy) bool { return text(p.FailoverWhen) == "degraded" }

// healthyFirst keeps all traffic on healthy endpoints of a priority for as long as one of the n is healthy: with 100·n,
// one of n counts for all. Its share is then 100 %, so Envoy does not panic either, whatever its threshold.
func healthyFirst(n int) *endpointv3.ClusterLoadAssignment_Policy {
	return &endpointv3.ClusterLoadAssignment_Policy{OverprovisioningFactor: wrapperspb.UInt32(uint32(100 * n))}
}

// lbEndpoint makes all messages of an endpoint in one allocation: there are as many as there are
// instances in the catalog, and they are garbage as soon as they are marshalled.
func lbEndpoint(e endpoint) *endpointv3.LbEndpoint {
	m := &struct {
		lb       endpointv3.LbEndpoint
		host     endpointv3.LbEndpoint_Endpoint
		endpoint endpointv3.Endpoint
		address  corev3.Address
		pipe     corev3.Address_Pipe
		socket   corev3.Address_SocketAddress
		ip       corev3.SocketAddress
		port     corev3.SocketAddress_PortValue
		weight   wrapperspb.UInt32Value
	}{}
	m.lb.HostIdentifier, m.host.Endpoint = &m.host, &m.endpoint
	m.lb.HealthStatus = e.state.status()
	m.lb.LoadBalancingWeight, m.weight.Value = &m.weight, uint32(e.weight)
	m.lb.Metadata = e.metadata.message()
	m.endpoint.Address, m.endpoint.Hostname = &m.address, e.hostname
	if e.kind == kindSocket {
		m.address.Address, m.pipe.Pipe = &m.pipe, &corev3.Pipe{Path: e.host}
		return &m.lb
	}
	m.address.Address, m.socket.SocketAddress = &m.socket, &m.ip
	m.ip.Address, m.ip.PortSpecifier, m.port.PortValue = e.host, &m.port, e.port
	return &m.lb
}
