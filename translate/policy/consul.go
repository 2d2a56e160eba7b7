package policy

import (
	"fmt"
	"strings"
	"time"

	"legate/discovery/catalog"
)

// EntryKeys are the config entries that say how a service is reached, the weakest first. Consul does not tell
// names of entries apart by case.
func EntryKeys(service string) [3]catalog.EntryKey {
	service = strings.ToLower(service)
	return [3]catalog.EntryKey{
		{Kind: catalog.ProxyDefaults, Name: catalog.GlobalEntry},
		{Kind: catalog.ServiceDefaults, Name: service},
		{Kind: catalog.ServiceResolver, Name: service},
	}
}

// consulProtocols are Consul's names of protocols.
// https://developer.hashicorp.com/consul/docs/reference/config-entry/service-defaults#protocol
var consulProtocols = map[string]string{"http": "http1", "http2": "http2", "grpc": "grpc", "tcp": "tcp"}

// OfEntry is what a config entry says, and what of it nobody can follow. A resolver that leads requests elsewhere says that
// Consul's chain decides on failover; who knows that the chain has none hands over the entry without its Resolver.
func OfEntry(e catalog.Entry) (Policy, []Mistake) {
	var p Policy
	var mistakes []Mistake
	if e.Protocol != "" {
		if known, is := consulProtocols[strings.ToLower(e.Protocol)]; is {
			p.Protocol = &known
		} else {
			mistakes = append(mistakes, Mistake{Fields: []string{"protocol"}, Detail: quote(e.Protocol) + " is no protocol of Consul",
				Remedy: "write tcp, http, http2 or grpc into the entry"})
		}
	}
	p.ConnectTimeout = some(e.ConnectTimeout)
	// Consul counts requests; one that waits for a connection is pending.
	p.CircuitBreakers.MaxConnections = count(e.Limits.MaxConnections)
	p.CircuitBreakers.MaxPendingRequests = count(e.Limits.MaxPendingRequests)
	p.CircuitBreakers.MaxRequests = count(e.Limits.MaxConcurrentRequests)
	if h := e.PassiveHealthCheck; h != nil {
		p.OutlierDetection = Outlier{
			Interval: some(h.Interval), EnforcingConsecutive5xx: h.EnforcingConsecutive5xx, MaxEjectionPercent: h.MaxEjectionPercent,
		}
		if h.MaxFailures > 0 {
			p.OutlierDetection.Consecutive5xx = &h.MaxFailures
		}
		if h.BaseEjectionTime != nil {
			p.OutlierDetection.BaseEjectionTime = some(*h.BaseEjectionTime)
		}
		on := true // an entry without a field asks for it too
		p.OutlierDetection.Enabled = &on
	}
	if lb := e.LoadBalancer; lb != nil {
		if lb.Policy != "" {
			p.LBPolicy = &lb.Policy
		}
		p.RingHash.Minimum, p.RingHash.Maximum, p.LeastRequest.ChoiceCount = positive(lb.MinimumRingSize), positive(lb.MaximumRingSize), positive(lb.ChoiceCount)
	}
	if len(e.Resolver.Failover) > 0 || e.Resolver.Redirect != nil { // where that leads can have a failover
		p.Failover = Sites{FromConsul}
	}
	return p, mistakes
}

// some is a span that is said; Consul writes 0 for what is not.
func some(d time.Duration) *Duration { return (*Duration)(positive(d)) }

func positive[T int | uint32 | uint64 | time.Duration](n T) *T {
	if n == 0 {
		return nil
	}
	return &n
}

// count is a limit that fits; a negative one is none.
func count(n *int) *uint32 {
	if n == nil || *n < 0 {
		return nil
	}
	c := uint32(min(int64(*n), 1<<32-1))
	return &c
}

// ofConsul is the layer of a service's config entries.
func ofConsul(k catalog.ServiceKey, entry func(catalog.EntryKey) (catalog.Entry, bool), found func(Problem)) Layer {
	var merged Layer
	for _, key := range EntryKeys(k.Name) {
		e, is := entry(key)
		if !is {
			continue
		}
		p, mistakes := OfEntry(e)
		l := LayerOf(p, Source{Consul, key.String()})
		mistakes = append(mistakes, singles(l)...)
		for _, m := range mistakes {
			found(Problem{Source: Source{Consul, key.String()}, Detail: fmt.Sprintf("%s: %s", m.Fields[0], m.Detail), Remedy: m.Remedy})
			l = l.without(policySchema().byPath[m.Fields[0]])
		}
		merged = over(merged, l)
	}
	return merged
}

// singles are the mistakes of fields by themselves.
func singles(l Layer) (mistakes []Mistake) {
	for _, v := range l {
		c := &checker{}
		c.field(v.Field, v.value)
		mistakes = append(mistakes, c.mistakes...)
	}
	return mistakes
}
