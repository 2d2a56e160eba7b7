package consul

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"legate/discovery/catalog"
)

// configEntry is a config entry of one of the kinds that are used, with what is used of it and no more.
// https://developer.hashicorp.com/consul/docs/connect/config-entries
type configEntry struct {
	Kind        string
	Name        string
	ModifyIndex uint64

	Config map[string]any // proxy-defaults: anything

	Protocol       string // service-defaults
	UpstreamConfig struct {
		Defaults struct {
			ConnectTimeoutMs   int64
			Limits             catalog.Limits
			PassiveHealthCheck *struct {
				Interval                span
				MaxFailures             uint32
				EnforcingConsecutive5xx *uint32
				MaxEjectionPercent      *uint32
				BaseEjectionTime        *span
			}
		}
	}

	ConnectTimeout span // service-resolver
	LoadBalancer   *struct {
		Policy         string
		RingHashConfig struct {
			MinimumRingSize uint64
			MaximumRingSize uint64
		}
		LeastRequestConfig struct{ ChoiceCount uint32 }
		HashPolicies       []struct{}
	}
	resolverEntry
}

// entryOf turns an answer into a value.
func entryOf(said *configEntry) catalog.Entry {
	e := catalog.Entry{
		Key:            catalog.EntryKey{Kind: said.Kind, Name: nameOfEntry(said.Name)},
		Protocol:       said.Protocol,
		ConnectTimeout: time.Duration(said.ConnectTimeout),
		ModifyIndex:    said.ModifyIndex,
	}
	switch said.Kind {
	case catalog.ProxyDefaults:
		e.Protocol, _ = said.Config["protocol"].(string) // anything else is no protocol, for Consul neither
	case catalog.ServiceDefaults:
		up := &said.UpstreamConfig.Defaults
		e.ConnectTimeout, e.Limits = time.Duration(up.ConnectTimeoutMs)*time.Millisecond, up.Limits
		if p := up.PassiveHealthCheck; p != nil {
			e.PassiveHealthCheck = &catalog.PassiveHealthCheck{
				Interval: time.Duration(p.Interval), MaxFailures: p.MaxFailures,
				EnforcingConsecutive5xx: p.EnforcingConsecutive5xx, MaxEjectionPercent: p.MaxEjectionPercent,
				BaseEjectionTime: (*time.Duration)(p.BaseEjectionTime),
			}
		}
	case catalog.ServiceResolver:
		e.Resolver = said.resolver()
		if l := said.LoadBalancer; l != nil {
			e.LoadBalancer = &catalog.LoadBalancer{
				Policy:          l.Policy,
				MinimumRingSize: l.RingHashConfig.MinimumRingSize, MaximumRingSize: l.RingHashConfig.MaximumRingSize,
				ChoiceCount: l.LeastRequestConfig.ChoiceCount,
			}
			e.Resolver.HashPolicies = len(l.HashPolicies)
		}
	}
	return e
}

// nameOfEntry is the name by which Consul knows an entry: it has one entry for all that is spelled the
// same but for case, with the last spelling.
func nameOfEntry(name string) string { return strings.ToLower(name) }

// span is a duration, which Consul writes as text ("3s") in some entries and as nanoseconds in others.
type span time.Duration

func (s *span) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) != nil {
		return json.Unmarshal(data, (*int64)(s))
	}
	if text == "" {
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("%w: %w", errGarbage, err)
	}
	*s = span(d)
	return nil
}
