package compare

import (
	"cmp"
	"fmt"
	"strings"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/proto"

	"legate/internal/quote"
	"legate/translate"
)

// Sign is the kind of a change.
type Sign string

// The kinds.
const (
	Added   Sign = "+"
	Removed Sign = "-"
	Changed Sign = "~"
)

// What a change is of.
const (
	ofCluster    = "cluster"
	ofEndpoint   = "endpoint"
	ofAssignment = "assignment" // apart from its endpoints
)

// Change is one difference between two states of a service.
type Change struct {
	Service  string    `json:"service"`
	Sign     Sign      `json:"op"`
	Of       string    `json:"what"`               // cluster, endpoint or assignment
	Endpoint *Endpoint `json:"endpoint,omitempty"` // as it is now, or was last
	Cluster  string    `json:"cluster,omitempty"`  // of one that has come: its words
	Fields   []Field   `json:"fields,omitempty"`   // that changed
}

// Changes are what leads from one state of the named service to another; none if they are equal.
func Changes(name string, from, to Service) []Change {
	var lost, changed, gained []Change
	before, after := numbered(from.Endpoints()), numbered(to.Endpoints())
	for _, e := range before.list {
		now, still := after.by[e.key]
		if !still {
			lost = append(lost, Change{Service: name, Sign: Removed, Of: ofEndpoint, Endpoint: &e.Endpoint})
		} else if f := e.changes(now); len(f) > 0 {
			changed = append(changed, Change{Service: name, Sign: Changed, Of: ofEndpoint, Endpoint: &now, Fields: f})
		}
	}
	for _, e := range after.list {
		if _, had := before.by[e.key]; !had {
			gained = append(gained, Change{Service: name, Sign: Added, Of: ofEndpoint, Endpoint: &e.Endpoint})
		}
	}
	if a, b := from.endpoints(), to.endpoints(); a != nil && b != nil {
		if f := fields("", rest(a), rest(b)); len(f) > 0 {
			changed = append(changed, Change{Service: name, Sign: Changed, Of: ofAssignment, Fields: f})
		}
	}
	switch {
	case from.Cluster == nil && to.Cluster != nil:
		gained = append([]Change{{Service: name, Sign: Added, Of: ofCluster, Cluster: to.Words()}}, gained...)
	case from.Cluster != nil && to.Cluster == nil:
		lost = append(lost, Change{Service: name, Sign: Removed, Of: ofCluster})
	default:
		if f := fields("", from.settings(), to.settings()); len(f) > 0 {
			changed = append([]Change{{Service: name, Sign: Changed, Of: ofCluster, Fields: f}}, changed...)
		}
	}
	return append(append(lost, changed...), gained...)
}

// numberedEndpoint has a key that no other endpoint of the service has, even if they share an address.
type numberedEndpoint struct {
	Endpoint
	key string
}

type numberedEndpoints struct {
	list []numberedEndpoint
	by   map[string]Endpoint
}

func numbered(all []Endpoint) numberedEndpoints {
	out := numberedEndpoints{by: make(map[string]Endpoint, len(all))}
	for i, e := range all {
		nth := 0
		for ; nth < i && all[i-1-nth].Address == e.Address; nth++ {
		}
		key := fmt.Sprintf("%s %d", e.Address, nth)
		out.list, out.by[key] = append(out.list, numberedEndpoint{e, key}), e
	}
	return out
}

// rest is what an assignment has beside its endpoints, their places, and weights that follow from theirs.
func rest(a *endpointv3.ClusterLoadAssignment) any {
	a = proto.CloneOf(a)
	a.ClusterName = ""
	left := a.GetEndpoints()[:0]
	for _, group := range a.GetEndpoints() {
		weight := uint64(group.GetLoadBalancingWeight().GetValue())
		if weight == translate.LocalityWeight(group, false) || weight == translate.LocalityWeight(group, true) {
			group.LoadBalancingWeight = nil
		}
		place := proto.CloneOf(group.GetLocality())
		group.LbEndpoints, group.Locality, group.Priority = nil, nil, 0
		if proto.Size(group) > 0 {
			group.Locality = place
			left = append(left, group)
		}
	}
	a.Endpoints = left
	return tree(a)
}

// String is the change as a line.
func (c Change) String() string {
	name := quote.Name(c.Service)
	switch c.Of {
	case ofEndpoint:
		line := fmt.Sprintf("%s  %s %s", name, c.Sign, endpointName(*c.Endpoint))
		if c.Sign == Changed {
			return line + " " + listed(c.Fields)
		}
		words := c.Endpoint.Words()
		if !c.Endpoint.IsHealthy() {
			words = c.Endpoint.Health + ", " + words
		}
		return line + " (" + words + ")"
	case ofCluster:
		switch c.Sign {
		case Added:
			return fmt.Sprintf("%s  + cluster (%s)", name, c.Cluster)
		case Removed:
			return name + "  - cluster"
		}
	}
	return fmt.Sprintf("%s  ~ %s: %s", name, c.Of, listed(c.Fields))
}

// endpointName is the address of an endpoint, safe to show.
func endpointName(e Endpoint) string {
	return quote.Text(cmp.Or(e.Address, "an endpoint"), quote.NameBytes)
}

// listed are the fields that changed, as text. Health needs no name.
func listed(all []Field) string {
	var words []string
	for _, f := range all {
		name := quote.Text(f.Name, quote.NameBytes) + " "
		if f.Name == "health" {
			name = ""
		}
		words = append(words, fmt.Sprintf("%s%s -> %s", name, orUnset(f.From), orUnset(f.To)))
	}
	return strings.Join(words, ", ")
}

func orUnset(v string) string { return quote.Text(cmp.Or(v, "unset"), valueBytes) }
