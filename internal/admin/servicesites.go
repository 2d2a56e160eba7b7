package admin

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"legate/discovery/catalog"
	"legate/internal/quote"
	"legate/translate"
)

// ServiceSite is where some of a service's instances are, and which part of the requests goes there.
type ServiceSite struct {
	Site      string   `json:"site"`          // dc2, or cluster01.peer
	Own       bool     `json:"own,omitempty"` // the own datacenter
	Priority  []uint32 `json:"priority"`      // of its endpoints; none: it has none
	Instances int      `json:"instances"`
	Healthy   int      `json:"healthy"` // instances whose endpoints Envoy takes for healthy
	// Share is about how much of the requests goes there, in percent, as far as Legate decides that.
	Share int `json:"share"`
	// Stale is true while its instances are the last known ones, as Consul said it at StaleSince.
	Stale      bool      `json:"stale,omitempty"`
	StaleSince time.Time `json:"stale_since,omitzero"`
	// So is what follows for it, if that is not just that it takes its share.
	So string `json:"so,omitempty"`
	// Says is all of it in a sentence without its full stop.
	Says string `json:"says"`
}

// loads are which part of the requests, of 1, goes to healthy endpoints of each priority.
type loads struct {
	healthy map[uint32]float64
	among   map[uint32]float64 // the weight of these endpoints
}

// loadsOf counts as Envoy does:
// https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/priority
func loadsOf(x translate.Explanation) loads {
	l := loads{map[uint32]float64{}, map[uint32]float64{}}
	all, healthy, degraded := map[uint32]float64{}, map[uint32]float64{}, map[uint32]float64{}
	last := uint32(0)
	for _, b := range x.Instances {
		for _, e := range b.Endpoints {
			last = max(last, e.Priority)
			all[e.Priority]++
			switch e.Health {
			case "HEALTHY":
				healthy[e.Priority]++
				l.among[e.Priority] += float64(e.Weight)
			case "DEGRADED":
				degraded[e.Priority]++
			}
		}
	}
	factor := float64(x.Overprovisioning) / 100
	if x.Overprovisioning == 0 {
		factor = 1.4
	}
	share := func(of map[uint32]float64, p uint32) float64 { return min(1, factor*of[p]/max(1, all[p])) }
	available := 0.0
	for p := range last + 1 {
		available += share(healthy, p) + share(degraded, p)
	}
	if available == 0 {
		return l
	}
	left := 1.0
	for p := range last + 1 {
		l.healthy[p] = min(left, share(healthy, p)/min(1, available))
		left -= l.healthy[p]
	}
	return l
}

// sitesIn are where the instances of a service are; none, if all are in the own datacenter.
func sitesIn(x translate.Explanation, by loads, own string, known []Site) (all []ServiceSite) {
	home := catalog.Site{Datacenter: own}
	share := map[catalog.Site]float64{}
	var sites []catalog.Site
	for _, b := range x.Instances {
		n := slices.Index(sites, b.Site)
		if n < 0 {
			n = len(sites)
			sites = append(sites, b.Site)
			one := ServiceSite{Site: cut(b.Site.String()), Own: b.Site == home, Priority: []uint32{}}
			if k := slices.IndexFunc(known, func(s Site) bool { return s.Datacenter == b.Site.Datacenter && s.Peer == b.Site.Peer }); k >= 0 {
				one.Stale, one.StaleSince = known[k].Stale, known[k].StaleSince
			}
			all = append(all, one)
		}
		one := &all[n]
		one.Instances++
		for i, e := range b.Endpoints {
			if !slices.Contains(one.Priority, e.Priority) {
				one.Priority = append(one.Priority, e.Priority)
			}
			if e.Health == "HEALTHY" {
				share[b.Site] += by.healthy[e.Priority] * float64(e.Weight) / max(1, by.among[e.Priority])
				if i == 0 {
					one.Healthy++
				}
			}
		}
	}
	if len(all) == 0 || len(all) == 1 && all[0].Own {
		return nil
	}
	for n := range all {
		one := &all[n]
		slices.Sort(one.Priority)
		one.Share = int(100*share[sites[n]] + .5)
		one.So = one.so()
		one.Says = one.says()
	}
	return all
}

// says is all of it in a sentence.
func (s *ServiceSite) says() string {
	name := quote.Name(s.Site)
	if s.Own {
		name += " (own)"
	}
	said := fmt.Sprintf("%s: %d %% of the requests; %d of %s healthy", name, s.Share, s.Healthy, plural(s.Instances, "instance"))
	switch len(s.Priority) {
	case 0:
		said += ", none of them served"
	case 1:
		said += fmt.Sprintf(", priority %d", s.Priority[0])
	default:
		said += fmt.Sprintf(", priorities %d to %d", s.Priority[0], s.Priority[len(s.Priority)-1])
	}
	if s.So != "" {
		said += "; " + s.So
	}
	return said
}

// so is what follows.
func (s *ServiceSite) so() string {
	var said []string
	switch {
	case s.Healthy > 0 && s.Share == 0:
		said = append(said, "it is used once those with lower priorities are not healthy")
	case s.Share == 0:
		said = append(said, "nothing goes there")
	}
	if s.Stale && !s.StaleSince.IsZero() {
		said = append(said, "its instances are as last known at "+s.StaleSince.UTC().Format(time.RFC3339))
	} else if s.Stale {
		said = append(said, "its instances are as last known")
	}
	return strings.Join(said, "; ")
}

// where says where the requests go, and why, if not all of the instances are in the own datacenter; empty: they are.
func (s *Service) where() string {
	if len(s.Sites) == 0 {
		return ""
	}
	var to []string
	own, reserve := (*ServiceSite)(nil), 0
	for i := range s.Sites {
		one := &s.Sites[i]
		if one.Own {
			own = one
		}
		switch {
		case one.Share == 100:
			to = append(to, quote.Name(one.Site))
		case one.Share > 0:
			to = append(to, fmt.Sprintf("%s (%d %%)", quote.Name(one.Site), one.Share))
		case one.Healthy > 0:
			reserve += one.Healthy
		}
	}
	said := "Traffic goes to " + strings.Join(to, " and ")
	switch {
	case own == nil && len(s.Sites) == 1:
		said = fmt.Sprintf("%d of %s in %s take traffic", s.Serving, plural(s.Sites[0].Instances, "instance"), quote.Name(s.Sites[0].Site))
	case own == nil:
		said += ": it is not registered in the own datacenter"
	case own.Healthy == 0:
		said += fmt.Sprintf(": none of %s in %s is healthy", plural(own.Instances, "instance"), quote.Name(own.Site))
	case own.Share < 100:
		said += fmt.Sprintf(": only %d of %s in %s are healthy", own.Healthy, plural(own.Instances, "instance"), quote.Name(own.Site))
	default:
		said += fmt.Sprintf(", where %d of %s are healthy", own.Healthy, plural(own.Instances, "instance"))
	}
	if reserve > 0 {
		said += fmt.Sprintf("; %s elsewhere in reserve", plural(reserve, "instance"))
	}
	return said
}

// mood is good while those instances that are used first are well, and as Consul has them now.
func (s *Service) mood() string {
	for _, one := range s.Sites {
		if one.Share > 0 && (one.Stale || one.Healthy < one.Instances) || one.Own && (one.Healthy < one.Instances || one.Share < 100) {
			return "warn"
		}
	}
	return "good"
}

// nameAt is what a service that is called so at home is called where some of its instances are. A name that says where
// the service is stays.
func nameAt(name string, home, at catalog.Site) string {
	if at == home || strings.HasSuffix(name, "."+at.String()) {
		return name
	}
	return home.NameOf(at.Service(name))
}
