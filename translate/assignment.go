package translate

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// EmptyAssignment is the assignment for a name that Consul does not have. Envoy delays its start for
// an assignment that nobody answers, and keeps the old endpoints of one that is merely left out. With
// an empty one it answers "no healthy upstream" at once. It is validated as every other resource is;
// the error says why no client could take it.
func EmptyAssignment(name string) (Resource, error) {
	return encode(Name{AssignmentType, name}, assignment(name, nil))
}

// assignment groups sorted endpoints by locality, all at priority 0. A locality's weight is the sum of
// its endpoints' weights, healthy or not. So each endpoint gets the share that it would get without
// localities; Envoy itself takes the unhealthy ones off a locality's share.
func assignment(name string, endpoints []endpoint) *endpointv3.ClusterLoadAssignment {
	a := &endpointv3.ClusterLoadAssignment{ClusterName: name}
	var in *endpointv3.LocalityLbEndpoints
	for i, e := range endpoints {
		if i == 0 || e.locality != endpoints[i-1].locality {
			in = &endpointv3.LocalityLbEndpoints{
				Locality:            &corev3.Locality{Region: e.locality.Region, Zone: e.locality.Zone},
				LoadBalancingWeight: &wrapperspb.UInt32Value{},
			}
			a.Endpoints = append(a.Endpoints, in)
		}
		if e.state == degraded {
			a.Policy = healthyFirst(len(endpoints))
		}
		in.LoadBalancingWeight.Value += uint32(e.weight)
		in.LbEndpoints = append(in.LbEndpoints, &endpointv3.LbEndpoint{
			HostIdentifier: &endpointv3.LbEndpoint_Endpoint{
				Endpoint: &endpointv3.Endpoint{Address: addressOf(e.address), Hostname: e.hostname},
			},
			HealthStatus:        e.state.status(),
			LoadBalancingWeight: wrapperspb.UInt32(uint32(e.weight)),
		})
	}
	return a
}

// healthyFirst keeps all traffic on healthy endpoints for as long as one of the n is healthy. By default
// Envoy gives degraded ones a share as soon as fewer than 1/1.4 of all are healthy. The factor is in
// percent: with 100·n, one healthy endpoint of n counts for all.
func healthyFirst(n int) *endpointv3.ClusterLoadAssignment_Policy {
	return &endpointv3.ClusterLoadAssignment_Policy{OverprovisioningFactor: wrapperspb.UInt32(uint32(100 * n))}
}

func addressOf(a address) *corev3.Address {
	if a.kind == kindSocket {
		return &corev3.Address{Address: &corev3.Address_Pipe{Pipe: &corev3.Pipe{Path: a.host}}}
	}
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address:       a.host,
		PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: a.port},
	}}}
}
