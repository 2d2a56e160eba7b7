package translate

import (
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
// when the ones before lack healthy endpoints. A locality's weight is the sum of
// its endpoints' weights, healthy or not. So each endpoint gets the share that it would get without
// localities; Envoy itself takes the unhealthy ones off a locality's share.
func assignment(name string, p policy.Policy, endpoints []endpoint) *endpointv3.ClusterLoadAssignment {
	a := &endpointv3.ClusterLoadAssignment{ClusterName: name}
	if p.OverprovisioningFactor != nil {
		a.Policy = &endpointv3.ClusterLoadAssignment_Policy{OverprovisioningFactor: whole(p.OverprovisioningFactor)}
	}
	var group *endpointv3.LocalityLbEndpoints
	closeRanks(endpoints)
	for i, e := range endpoints {
		if i == 0 || e.rank != endpoints[i-1].rank || e.locality != endpoints[i-1].locality {
			group = &endpointv3.LocalityLbEndpoints{
				Locality:            &corev3.Locality{Region: e.locality.Region, Zone: e.locality.Zone},
				Priority:            e.rank,
				LoadBalancingWeight: &wrapperspb.UInt32Value{},
			}
			a.Endpoints = append(a.Endpoints, group)
		}
		if e.state == degraded && p.OverprovisioningFactor == nil {
			a.Policy = healthyFirst(len(endpoints))
		}
		group.LoadBalancingWeight.Value += uint32(e.weight)
		group.LbEndpoints = append(group.LbEndpoints, lbEndpoint(e))
	}
	return a
}

// healthyFirst keeps all traffic on healthy endpoints for as long as one of the n is healthy. By default
// Envoy gives degraded ones a share as soon as fewer than 1/1.4 of all are healthy. The factor is in
// percent: with 100·n, one healthy endpoint of n counts for all.
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
