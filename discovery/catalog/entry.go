package catalog

import (
	"cmp"
	"slices"
	"time"
)

// The kinds of Consul's config entries that say how a service is reached.
const (
	ProxyDefaults   = "proxy-defaults" // there is one, called GlobalEntry
	ServiceDefaults = "service-defaults"
	ServiceResolver = "service-resolver"
)

// Datacenters is the kind of an entry that Consul does not have: it says what is known of the other datacenters. There
// is one, called NearestEntry.
const (
	Datacenters  = "datacenters"
	NearestEntry = "nearest"
)

// GlobalEntry is the name of the only entry of kind ProxyDefaults.
const GlobalEntry = "global"

// EntryKey names a config entry of Consul.
type EntryKey struct{ Kind, Name string }

// Compare orders keys by kind and name.
func (k EntryKey) Compare(o EntryKey) int {
	return cmp.Or(cmp.Compare(k.Kind, o.Kind), cmp.Compare(k.Name, o.Name))
}

// String is the key as Consul's command line takes it: kind/name.
func (k EntryKey) String() string { return k.Kind + "/" + k.Name }

// Entry is what one of Consul's config entries says of how a service is reached. What it does not say
// is zero or nil.
type Entry struct {
	Key EntryKey
	// Protocol is proxy-defaults' Config.protocol or service-defaults' Protocol, as written.
	Protocol string
	// ConnectTimeout is service-defaults' UpstreamConfig.Defaults.ConnectTimeoutMs or service-resolver's
	// ConnectTimeout.
	ConnectTimeout     time.Duration
	Limits             Limits              // service-defaults' UpstreamConfig.Defaults.Limits
	PassiveHealthCheck *PassiveHealthCheck // service-defaults' UpstreamConfig.Defaults.PassiveHealthCheck
	LoadBalancer       *LoadBalancer       // service-resolver's
	Resolver           Resolver            `json:",omitzero"` // service-resolver's
	// Datacenters are those of NearestEntry: all but the own one, the nearest first by Consul's round-trip times.
	Datacenters []string `json:",omitempty"`
	ModifyIndex uint64   // does not count in Equal
}

// Limits bound what a client has open to a service. 0 is a limit; nil is none.
type Limits struct{ MaxConnections, MaxPendingRequests, MaxConcurrentRequests *int }

// PassiveHealthCheck says which instances a client takes out for a while.
type PassiveHealthCheck struct {
	Interval                time.Duration
	MaxFailures             uint32
	EnforcingConsecutive5xx *uint32
	MaxEjectionPercent      *uint32
	BaseEjectionTime        *time.Duration
}

// LoadBalancer says how a client chooses an instance.
type LoadBalancer struct {
	Policy          string // as Consul writes it: round_robin, least_request, ring_hash, random, maglev
	MinimumRingSize uint64
	MaximumRingSize uint64
	ChoiceCount     uint32
}

// Equal reports whether both say the same.
func (e Entry) Equal(o Entry) bool {
	return e.Key == o.Key && e.Protocol == o.Protocol && e.ConnectTimeout == o.ConnectTimeout &&
		e.Limits.equal(o.Limits) && equalAt(e.LoadBalancer, o.LoadBalancer) && e.PassiveHealthCheck.equal(o.PassiveHealthCheck) &&
		e.Resolver.Equal(o.Resolver) && slices.Equal(e.Datacenters, o.Datacenters)
}

func (l Limits) equal(o Limits) bool {
	return equalAt(l.MaxConnections, o.MaxConnections) && equalAt(l.MaxPendingRequests, o.MaxPendingRequests) &&
		equalAt(l.MaxConcurrentRequests, o.MaxConcurrentRequests)
}

func (p *PassiveHealthCheck) equal(o *PassiveHealthCheck) bool {
	if p == nil || o == nil {
		return p == o
	}
	return p.Interval == o.Interval && p.MaxFailures == o.MaxFailures &&
		equalAt(p.EnforcingConsecutive5xx, o.EnforcingConsecutive5xx) &&
		equalAt(p.MaxEjectionPercent, o.MaxEjectionPercent) && equalAt(p.BaseEjectionTime, o.BaseEjectionTime)
}

func equalAt[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
