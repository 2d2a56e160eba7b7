package compare

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/proto"

	"legate/internal/quote"
)

// Endpoint is one endpoint of a service.
type Endpoint struct {
	Address  string `json:"address"` // host:port, or the path of a unix socket
	Health   string `json:"health"`  // in Envoy's words
	Region   string `json:"region,omitempty"`
	Zone     string `json:"zone,omitempty"`
	SubZone  string `json:"sub_zone,omitempty"`
	Weight   uint32 `json:"weight"`
	Priority uint32 `json:"priority"`
	Hostname string `json:"hostname,omitempty"`
	Metadata string `json:"metadata,omitempty"` // JSON

	more map[string]any // a tree of everything else that is set
}

// Endpoints are those of the service, sorted by address.
func (s Service) Endpoints() []Endpoint {
	var all []Endpoint
	for _, group := range s.endpoints().GetEndpoints() {
		for _, e := range group.GetLbEndpoints() {
			all = append(all, endpointOf(group, e))
		}
	}
	slices.SortStableFunc(all, func(a, b Endpoint) int { return cmp.Compare(a.Address, b.Address) })
	return all
}

func endpointOf(group *endpointv3.LocalityLbEndpoints, lb *endpointv3.LbEndpoint) Endpoint {
	e := Endpoint{
		Address:  addressOf(lb.GetEndpoint().GetAddress()),
		Health:   strings.ToLower(lb.GetHealthStatus().String()),
		Region:   group.GetLocality().GetRegion(),
		Zone:     group.GetLocality().GetZone(),
		SubZone:  group.GetLocality().GetSubZone(),
		Weight:   weightOf(lb),
		Priority: group.GetPriority(),
		Hostname: lb.GetEndpoint().GetHostname(),
	}
	if lb.GetMetadata() != nil {
		e.Metadata = value(tree(lb.GetMetadata()))
	}
	rest := proto.CloneOf(lb)
	rest.HealthStatus, rest.LoadBalancingWeight, rest.Metadata = 0, nil, nil
	if at := rest.GetEndpoint(); at != nil {
		at.Hostname = ""
		if e.Address != "" {
			at.Address = nil
		}
		if proto.Size(at) == 0 {
			rest.HostIdentifier = nil
		}
	}
	e.more, _ = tree(rest).(map[string]any)
	return e
}

// weightOf is the weight that Envoy takes: 1 if none is given.
func weightOf(e *endpointv3.LbEndpoint) uint32 {
	if w := e.GetLoadBalancingWeight(); w != nil {
		return w.GetValue()
	}
	return 1
}

// addressOf is an address as people write it; empty for one of another kind.
func addressOf(a *corev3.Address) string {
	if p := a.GetPipe(); p != nil {
		return p.GetPath()
	}
	if s := a.GetSocketAddress(); s != nil && s.GetNamedPort() == "" {
		host := s.GetAddress()
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		return host + ":" + strconv.FormatUint(uint64(s.GetPortValue()), 10)
	}
	return ""
}

// attributes are what an endpoint is like, in the order of the words, health first.
func (e Endpoint) attributes() []Field {
	return []Field{
		{Name: "health", To: e.Health},
		{Name: "region", To: e.Region},
		{Name: "zone", To: e.Zone},
		{Name: "sub-zone", To: e.SubZone},
		{Name: "weight", To: strconv.FormatUint(uint64(e.Weight), 10)},
		{Name: "priority", To: strconv.FormatUint(uint64(e.Priority), 10)},
		{Name: "hostname", To: e.Hostname},
		{Name: "metadata", To: e.Metadata},
	}
}

// changes are the attributes in which two states of an endpoint differ.
func (e Endpoint) changes(to Endpoint) []Field {
	var all []Field
	now := to.attributes()
	for i, was := range e.attributes() {
		if was.To != now[i].To {
			all = append(all, Field{was.Name, was.To, now[i].To})
		}
	}
	return append(all, fields("", e.more, to.more)...)
}

// Words say what an endpoint is like, apart from its health: its place, its weight, and all that is not
// as usual.
func (e Endpoint) Words() string {
	var words []string
	for _, a := range e.attributes()[1:] {
		switch {
		case a.To == "", a.Name == "priority" && e.Priority == 0:
		default:
			words = append(words, a.Name+" "+quote.Text(a.To, valueBytes))
		}
	}
	if len(e.more) > 0 {
		words = append(words, quote.Text(value(e.more), valueBytes))
	}
	return strings.Join(words, ", ")
}

// IsHealthy reports whether Envoy takes the endpoint for healthy: also if it is told nothing.
func (e Endpoint) IsHealthy() bool { return e.Health == "healthy" || e.Health == "unknown" }

// valueBytes is how long one value in a line is at most.
const valueBytes = 300
