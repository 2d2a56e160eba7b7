package consul

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/hashicorp/consul/api"

	"legate/discovery/catalog"
)

// Listing is catalog/services: every service's name with the tags of its instances together.
type Listing map[string][]string

// entry is one element of health/service/:name, with what is used of it and no more: a field
// that Legate does not use cannot make an answer unreadable.
// https://developer.hashicorp.com/consul/api-docs/health#list-service-instances-for-a-service
type entry struct {
	Node struct {
		Node       string
		Datacenter string
		PeerName   string
		Address    string
		Meta       map[string]string
		Locality   *api.Locality

		TaggedAddresses map[string]string
	}
	Service struct {
		Kind            api.ServiceKind
		ID              string
		Service         string
		Tags            []string
		Meta            map[string]string
		Address         string
		Port            int
		Ports           api.ServicePorts
		SocketPath      string
		TaggedAddresses map[string]api.ServiceAddress
		Weights         api.AgentWeights
		Locality        *api.Locality
		CreateIndex     uint64
		ModifyIndex     uint64
	}
	Checks []struct {
		CheckID   string
		Status    string
		ServiceID string
	}
}

// Check is one element of health/state/any, with what names the services to read again.
// https://developer.hashicorp.com/consul/api-docs/health#list-checks-in-state
type Check struct {
	Node        string
	CheckID     string
	Status      string
	ServiceID   string
	ServiceName string
}

// Reading is one service as an answer says it is.
type Reading struct {
	Service catalog.Service
	// others counts the entries that are no instances: sidecar proxies and gateways.
	Others int
}

func (r Reading) Equal(o Reading) bool {
	return (r.Others > 0) == (o.Others > 0) && r.Service.Equal(o.Service)
}

// readingOf turns an answer into values. Consul answers for a name with all that is spelled like it
// but for case; a service has what is spelled exactly so.
func readingOf(key catalog.ServiceKey, entries []entry) Reading {
	r := Reading{Service: catalog.Service{Key: key}}
	for i := range entries {
		if entries[i].Service.Service != key.Name {
			continue
		}
		if entries[i].Service.Kind != api.ServiceKindTypical {
			r.Others++
			continue
		}
		r.Service.Instances = append(r.Service.Instances, instanceOf(&entries[i]))
	}
	slices.SortFunc(r.Service.Instances, catalog.Instance.Compare)
	return r
}

func instanceOf(e *entry) catalog.Instance {
	s := &e.Service
	i := catalog.Instance{
		ID:             s.ID,
		Node:           e.Node.Node,
		Address:        bareAddress(cmp.Or(s.Address, e.Node.Address)),
		ServiceAddress: s.Address,
		NodeAddress:    e.Node.Address,
		Port:           portOf(s.Port, s.Ports),
		Ports:          portsOf(s.Ports),
		Tagged:         taggedOf(e),
		SocketPath:     s.SocketPath,
		Weights:        weightsOf(s.Weights),
		Tags:           sortedCopy(s.Tags),
		Meta:           s.Meta,
		NodeMeta:       e.Node.Meta,
		Locality:       localityOf(s.Locality, e.Node.Locality),
		Kind:           string(s.Kind),
		CreateIndex:    s.CreateIndex,
		ModifyIndex:    s.ModifyIndex,
	}
	if i.SocketPath != "" {
		i.Address = ""
	}
	for _, c := range e.Checks {
		i.Checks = append(i.Checks, catalog.Check{ID: c.CheckID, Status: c.Status, Node: c.ServiceID == ""})
		i.Health = max(i.Health, healthOf(c.CheckID, c.Status))
	}
	slices.SortFunc(i.Checks, func(a, b catalog.Check) int { return cmp.Compare(a.ID, b.ID) })
	return i
}

// healthOf is what one check says of its instance. Maintenance is a critical check with a
// reserved id. A status that Consul does not have is taken for critical.
func healthOf(id, status string) catalog.Health {
	switch {
	case status == api.HealthPassing:
		return catalog.Passing
	case id == api.NodeMaint, strings.HasPrefix(id, api.ServiceMaintPrefix), status == api.HealthMaint:
		return catalog.Maintenance
	case status == api.HealthWarning:
		return catalog.Warning
	}
	return catalog.Critical
}

// bareAddress takes the brackets off an IPv6 address and spaces off anything.
func bareAddress(s string) string {
	s = strings.TrimSpace(s)
	if inner, ok := strings.CutPrefix(s, "["); ok {
		if inner, ok = strings.CutSuffix(inner, "]"); ok {
			if ip, err := netip.ParseAddr(inner); err == nil && ip.Is6() {
				return inner
			}
		}
	}
	return s
}

// portOf is the default one of several ports where there are several.
func portOf(port int, ports api.ServicePorts) int {
	if port != 0 {
		return port
	}
	for _, p := range ports {
		if p.Default {
			return p.Port
		}
	}
	return port
}

// maxWeight is the most that Consul keeps: what DNS can carry (RFC 2782).
const maxWeight = 65_535

func portsOf(ports api.ServicePorts) []catalog.Port {
	var out []catalog.Port
	for _, p := range ports {
		out = append(out, catalog.Port(p))
	}
	slices.SortFunc(out, func(a, b catalog.Port) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// taggedOf are the service's tagged addresses. The node's count where the node's address does.
func taggedOf(e *entry) map[string]catalog.TaggedAddress {
	s, ofNode := &e.Service, e.Node.TaggedAddresses
	if s.Address != "" {
		ofNode = nil
	}
	if len(s.TaggedAddresses)+len(ofNode) == 0 {
		return nil
	}
	out := make(map[string]catalog.TaggedAddress, len(s.TaggedAddresses)+len(ofNode))
	for tag, address := range ofNode {
		out[tag] = catalog.TaggedAddress{Address: bareAddress(address)}
	}
	for tag, a := range s.TaggedAddresses {
		out[tag] = catalog.TaggedAddress{Address: bareAddress(a.Address), Port: a.Port}
	}
	return out
}

// weightsOf are the weights if Consul would keep them, else 1 and 1: so does Consul with what was
// registered through its catalog API (an agent refuses it). A warning weight of 0 is kept.
func weightsOf(w api.AgentWeights) catalog.Weights {
	if w.Passing < 1 || w.Warning < 0 || w.Passing > maxWeight || w.Warning > maxWeight {
		return catalog.Weights{Passing: 1, Warning: 1}
	}
	return catalog.Weights{Passing: w.Passing, Warning: w.Warning}
}

func localityOf(service, node *api.Locality) catalog.Locality {
	for _, l := range []*api.Locality{service, node} {
		if l != nil && *l != (api.Locality{}) {
			return catalog.Locality{Region: l.Region, Zone: l.Zone}
		}
	}
	return catalog.Locality{}
}

// sortedCopy keeps nil for none, so that equal values look equal.
func sortedCopy(s []string) []string {
	if len(s) == 0 {
		return nil
	}
	return slices.Sorted(slices.Values(s))
}
