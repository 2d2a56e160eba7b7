package changes

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"legate/discovery/catalog"
)

// OfEntry is what turns one value of a config entry into the other; nil: it is not there.
func OfEntry(from, to *catalog.Entry) Change {
	d := differing{c: Change{Kind: Entry}}
	var was, is catalog.Entry
	if from != nil {
		was = *from
	}
	if to != nil {
		is, d.c.Index = *to, to.ModifyIndex
	}
	about := Line{Op: Tilde}
	switch {
	case from == nil && to != nil:
		d.about(to.Key)
		d.line(Line{Op: Plus, What: "entry", Key: to.Key.String()})
	case from != nil && to == nil:
		d.about(from.Key)
		d.line(Line{Op: Minus, What: "entry", Key: from.Key.String()})
	case to != nil:
		d.about(to.Key)
	}
	about.Detail = d.entry
	d.fields(entryFields(&was), entryFields(&is), about)
	return d.c
}

// about notes which entry the change is about. An entry is about the service of its name, but for that of all.
func (d *differing) about(k catalog.EntryKey) {
	d.entry = k.String()
	if k.Kind != catalog.ProxyDefaults {
		d.c.Services = []string{k.Name}
	}
}

// entryFields are what a config entry says, sorted, under the names that Consul has for it.
func entryFields(e *catalog.Entry) fields {
	var f fields
	f.add("Protocol", "", e.Protocol)
	f.add("ConnectTimeout", "", span(e.ConnectTimeout))
	f.add("MaxConnections", "", number(e.Limits.MaxConnections))
	f.add("MaxPendingRequests", "", number(e.Limits.MaxPendingRequests))
	f.add("MaxConcurrentRequests", "", number(e.Limits.MaxConcurrentRequests))
	if p := e.PassiveHealthCheck; p != nil {
		f.add("PassiveHealthCheck", "", present)
		f.add("PassiveHealthCheck.Interval", "", span(p.Interval))
		f.add("PassiveHealthCheck.MaxFailures", "", count(uint64(p.MaxFailures)))
		f.add("PassiveHealthCheck.EnforcingConsecutive5xx", "", number(p.EnforcingConsecutive5xx))
		f.add("PassiveHealthCheck.MaxEjectionPercent", "", number(p.MaxEjectionPercent))
		if p.BaseEjectionTime != nil {
			f.add("PassiveHealthCheck.BaseEjectionTime", "", p.BaseEjectionTime.String())
		}
	}
	if l := e.LoadBalancer; l != nil {
		f.add("LoadBalancer", "", present)
		f.add("LoadBalancer.Policy", "", l.Policy)
		f.add("LoadBalancer.MinimumRingSize", "", count(l.MinimumRingSize))
		f.add("LoadBalancer.MaximumRingSize", "", count(l.MaximumRingSize))
		f.add("LoadBalancer.ChoiceCount", "", count(uint64(l.ChoiceCount)))
	}
	return f.resolver(&e.Resolver).sorted()
}

// resolver adds what a service-resolver says of where requests go, in words.
func (f fields) resolver(r *catalog.Resolver) fields {
	f.add("DefaultSubset", "", r.DefaultSubset)
	for name, s := range r.Subsets {
		f.add("Subsets", name, present)
		f.add("Subsets.Filter", name, s.Filter)
		if s.OnlyPassing {
			f.add("Subsets.OnlyPassing", name, "true")
		}
	}
	if r.Redirect != nil {
		f.add("Redirect", "", cmp.Or(r.Redirect.String(), present))
	}
	for subset, over := range r.Failover {
		targets := make([]string, len(over.Targets))
		for n, t := range over.Targets {
			targets[n] = t.String()
		}
		f.add("Failover", subset, cmp.Or(strings.Join(targets, "; then "), present))
		f.add("Failover.Policy.Mode", subset, over.Mode)
	}
	f.add("RequestTimeout", "", span(r.RequestTimeout))
	f.add("LoadBalancer.HashPolicies", "", count(uint64(r.HashPolicies)))
	f.add("PrioritizeByLocality.Mode", "", r.PrioritizeByLocality)
	return f
}

func span(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

func count(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

// number is a number that may be missing. 0 is one.
func number[N int | uint32](n *N) string {
	if n == nil {
		return ""
	}
	return fmt.Sprint(*n)
}
