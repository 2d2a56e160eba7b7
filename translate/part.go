package translate

import (
	"slices"
	"strings"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

// part is a service whose instances are endpoints of a unit.
type part struct {
	catalog.Service
	rank   uint32   // of its endpoints
	reach  []string // at which of their addresses they are reached: see catalog.Instance.Reach
	region string   // of instances for which Consul knows none
	quiet  bool     // what is wrong with its instances is told of the unit that is the service's own
}

// parts are the services whose instances are a unit's endpoints, those first that are used first.
func (c Config) parts(u unit, said *said, p policy.Policy, read *reader) (parts []part) {
	for n, k := range c.order(u, said.failover, read) {
		if s, is := read.service(k); is {
			one := c.part(s, uint32(n), p)
			one.quiet = k != u.service && c.Remote
			parts = append(parts, one)
		}
	}
	return parts
}

// part is a service as a part of a unit.
func (c Config) part(s catalog.Service, rank uint32, p policy.Policy) part {
	site := s.Key.Site()
	one := part{Service: s, rank: min(rank, maxRank), reach: c.Reach, region: site.String()}
	if site != c.site() {
		switch text(p.RemoteAddress) {
		case "auto":
		case catalog.LANAddress:
			one.reach = lanElsewhere
		default:
			one.reach = wanElsewhere
		}
	}
	return one
}

// At which of their addresses instances of other sites are reached: those for it, else their own.
var (
	wanElsewhere = []string{catalog.WANAddress, catalog.AutoAddress}
	lanElsewhere = []string{catalog.LANAddress, catalog.AutoAddress}
)

// order are the keys of the services that a unit is served from: its own, and those of its name where it fails over to.
// One that is asked for with its site is served from there alone.
func (c Config) order(u unit, failover policy.Sites, read *reader) []catalog.ServiceKey {
	keys := []catalog.ServiceKey{u.service}
	if u.remote {
		return keys
	}
	add := func(s catalog.Site) {
		if k := s.Service(u.service.Name); !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	for _, one := range failover {
		peer, isPeer := strings.CutSuffix(one, "."+peerLabel)
		switch {
		case one == policy.None || one == policy.FromConsul:
		case one == policy.Nearest:
			near, _ := read.entry(catalog.EntryKey{Kind: catalog.Datacenters, Name: catalog.NearestEntry})
			for _, datacenter := range near.Datacenters {
				add(catalog.Site{Datacenter: datacenter})
			}
		case isPeer:
			add(catalog.Site{Datacenter: c.Datacenter, Peer: peer})
		default:
			add(catalog.Site{Datacenter: one})
		}
	}
	return keys
}

// servedFrom are the keys of the services that one of here is served from, whether they are there or not.
func (c Config) servedFrom(here catalog.ServiceKey, read *reader) []catalog.ServiceKey {
	u := c.unit(here, "")
	return c.order(u, c.said(u, read.begin(u, nil)).failover, read)
}

// isElsewhere reports whether the service of a unit, which is not registered here, is at another site, with that port.
func (c Config) isElsewhere(u unit, read *reader) bool {
	if u.remote {
		return false
	}
	is := false
	for _, s := range read.elsewhere(u.service.Name) {
		is = is || u.port == "" || slices.Contains(furtherPorts(s), u.port)
	}
	return is
}

// said is the policy of a unit. Where nobody registers its service here, the one that it fails over to first says how it
// is reached; so a service that moves to another datacenter is reached as before. But where it fails over to, only the
// operator and Consul's entries say then.
func (c Config) said(u unit, read *reader) *said {
	s, is := read.service(u.service)
	if is || u.remote {
		return read.said(u, s, nil, c.base)
	}
	alone, _ := read.policiesOf(u, s, c.base)
	failover := alone.Policy().Failover
	for _, k := range c.order(u, failover, read) {
		if there, is := read.service(k); is {
			s.Former = there.Voters()
			break
		}
	}
	if failover == nil {
		failover = policy.Sites{}
	}
	return read.said(u, s, failover, c.base)
}
