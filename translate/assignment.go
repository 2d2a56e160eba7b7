package translate

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// EmptyAssignment is the assignment for a name that Consul does not have. Envoy holds up its
// start for an assignment that is not answered, and keeps old endpoints when one is merely left
// out; an empty one makes it answer "no healthy upstream" at once. It is validated as every
// other resource is: the error says why no client could take it.
func EmptyAssignment(name string) (Resource, error) {
	return encode(Name{AssignmentType, name}, assignment(name, nil))
}

// assignment lists sorted endpoints by locality, all at priority 0. A locality weighs what its
// endpoints weigh together, healthy or not: a balancer that weighs localities spreads as one
// that does not, and Envoy itself discounts a locality for what is unhealthy in it.
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
		if e.state == spare {
			a.Policy = healthyFirst(len(endpoints))
		}
		in.LoadBalancingWeight.Value += uint32(e.weight)
		in.LbEndpoints = append(in.LbEndpoints, &endpointv3.LbEndpoint{
			HostIdentifier: &endpointv3.LbEndpoint_Endpoint{
				Endpoint: &endpointv3.Endpoint{Address: addressOf(e.place), Hostname: e.name},
			},
			HealthStatus:        e.state.status(),
			LoadBalancingWeight: wrapperspb.UInt32(uint32(e.weight)),
		})
	}
	return a
}

// healthyFirst keeps all traffic on the healthy ones of n endpoints for as long as there is one. By
// default Envoy gives degraded ones a share as soon as less than 1/1.4 of all are healthy; with
// this factor, in percent, one of n is enough.
func healthyFirst(n int) *endpointv3.ClusterLoadAssignment_Policy {
	return &endpointv3.ClusterLoadAssignment_Policy{OverprovisioningFactor: wrapperspb.UInt32(uint32(100 * n))}
}

func addressOf(p place) *corev3.Address {
	if p.kind == socket {
		return &corev3.Address{Address: &corev3.Address_Pipe{Pipe: &corev3.Pipe{Path: p.host}}}
	}
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address:       p.host,
		PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: p.port},
	}}}
}
