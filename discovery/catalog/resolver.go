package catalog

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Resolver is what a service-resolver says of where the requests to a service go. What it does not say is
// zero or nil.
// https://developer.hashicorp.com/consul/docs/reference/config-entry/service-resolver
type Resolver struct {
	DefaultSubset string              `json:",omitempty"` // where nobody names a subset
	Subsets       map[string]Subset   `json:",omitempty"` // by name
	Redirect      *Target             `json:",omitempty"` // where all requests go instead
	Failover      map[string]Failover `json:",omitempty"` // by the subset that it is for; AnySubset for all others
	// RequestTimeout and HashPolicies are about routes: no cluster can have them. HashPolicies is how many
	// there are.
	RequestTimeout time.Duration `json:",omitempty"`
	HashPolicies   int           `json:",omitempty"`
	// PrioritizeByLocality is the mode: none or failover. Consul's community edition refuses it.
	PrioritizeByLocality string `json:",omitempty"`
}

// AnySubset names the failover of each subset that has none by its own name, and of the service itself.
const AnySubset = "*"

// Subset is a part of a service's instances.
type Subset struct {
	Filter      string `json:",omitempty"` // in Consul's filter language, over answers of health/service; empty: all
	OnlyPassing bool   `json:",omitempty"` // those of them that pass, not those that warn
}

// Failover says where requests go while no instance takes them.
type Failover struct {
	// Targets are tried in this order. Consul has three ways to write them, which are one here.
	Targets []Target `json:",omitempty"`
	// Mode says how else they are ordered; empty or "sequential": not at all. Consul's community edition
	// refuses all others.
	Mode string `json:",omitempty"`
}

// Target is where requests go instead of their own service. What is empty stays as it is.
type Target struct {
	Service    string `json:",omitempty"`
	Subset     string `json:",omitempty"`
	Datacenter string `json:",omitempty"`
	Peer       string `json:",omitempty"`
	// Consul's community edition refuses these.
	Namespace     string `json:",omitempty"`
	Partition     string `json:",omitempty"`
	SamenessGroup string `json:",omitempty"`
}

// String is the target in words: service api, datacenter dc2.
func (t Target) String() string {
	var words []string
	for _, part := range []struct{ what, name string }{
		{"service", t.Service}, {"subset", t.Subset}, {"datacenter", t.Datacenter}, {"peer", t.Peer},
		{"namespace", t.Namespace}, {"partition", t.Partition}, {"sameness group", t.SamenessGroup},
	} {
		if part.name != "" {
			words = append(words, part.what+" "+part.name)
		}
	}
	return strings.Join(words, ", ")
}

// Equal reports whether both say the same.
func (r Resolver) Equal(o Resolver) bool {
	return r.DefaultSubset == o.DefaultSubset && maps.Equal(r.Subsets, o.Subsets) && equalAt(r.Redirect, o.Redirect) &&
		maps.EqualFunc(r.Failover, o.Failover, Failover.Equal) && r.RequestTimeout == o.RequestTimeout &&
		r.HashPolicies == o.HashPolicies && r.PrioritizeByLocality == o.PrioritizeByLocality
}

// Equal reports whether both say the same.
func (f Failover) Equal(o Failover) bool {
	return f.Mode == o.Mode && slices.Equal(f.Targets, o.Targets)
}
