package translate

import (
	"slices"
	"strings"

	"legate/discovery/catalog"
	"legate/translate/chain"
	"legate/translate/policy"
)

// part is a service whose instances are endpoints of a unit.
type part struct {
	catalog.Service
	rank   uint32   // of its endpoints
	reach  []string // at which of their addresses they are reached: see catalog.Instance.Reach
	region string   // of instances for which Consul knows none
	subset subset   // which of its instances
	far    bool     // it is another site's
	quiet  bool     // what is wrong with its instances is told of the unit that is the service's own
}

// parts are the services whose instances are a unit's endpoints, in the order in which they are used. The problems say
// what of the resolvers does not count.
func (c Config) parts(u unit, said *said, p policy.Policy, read *reader) (parts []part, problems []chain.Problem) {
	places, problems := c.order(u, said.failover, read)
	for n, at := range places {
		if s, is := read.service(at.service); is {
			one := c.part(s, uint32(n), p)
			one.subset = at.subset
			one.quiet = at.service != u.service && (at.service.Site() == c.site() || c.Remote) || u.subset != ""
			parts = append(parts, one)
		}
	}
	if len(parts) == 0 {
		problems = append(slices.Clip(problems), c.nowhere(u, said.failover, read)...)
	}
	return parts, problems
}

// part is a service as a part of a unit.
func (c Config) part(s catalog.Service, rank uint32, p policy.Policy) part {
	site := s.Key.Site()
	one := part{Service: s, rank: min(rank, maxRank), reach: c.Reach, region: site.String()}
	if one.far = site != c.site(); one.far {
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

// order are the places that a unit is served from: its own service, or where a resolver leads instead; and those where it
// fails over to. One that is asked for with its site is served from there alone.
func (c Config) order(u unit, failover policy.Sites, read *reader) ([]place, []chain.Problem) {
	if u.remote {
		return []place{{service: u.service}}, nil
	}
	led := c.led(u, read)
	targets := led.Targets
	if len(targets) == 0 {
		return nil, led.Problems
	}
	if !failover.Are(policy.FromConsul) {
		targets = targets[:1:1]
		for _, s := range c.sites(failover, read) {
			there := targets[0]
			if there.Datacenter, there.Peer = s.Datacenter, s.Peer; s.Peer != "" {
				there.Datacenter = ""
			}
			targets = append(targets, there)
		}
	}
	return c.places(u, targets, led.Problems, read)
}

// sites are where a policy has requests fail over to.
func (c Config) sites(failover policy.Sites, read *reader) (all []catalog.Site) {
	for _, one := range failover {
		peer, isPeer := strings.CutSuffix(one, "."+peerLabel)
		switch {
		case one == policy.None || one == policy.FromConsul:
		case one == policy.Nearest:
			near, _ := read.entry(catalog.EntryKey{Kind: catalog.Datacenters, Name: catalog.NearestEntry})
			for _, datacenter := range near.Datacenters {
				all = append(all, catalog.Site{Datacenter: datacenter})
			}
		case isPeer:
			all = append(all, catalog.Site{Datacenter: c.Datacenter, Peer: peer})
		default:
			all = append(all, catalog.Site{Datacenter: one})
		}
	}
	return all
}

// servedFrom are the keys of the services that a unit is served from, whether they are there or not.
func (c Config) servedFrom(u unit, read *reader) []catalog.ServiceKey {
	places, _ := c.order(u, c.said(u, read.begin(u, nil)).failover, read)
	keys := make([]catalog.ServiceKey, len(places))
	for n, at := range places {
		keys[n] = at.service
	}
	return keys
}

// isElsewhere reports whether the service of a unit, which is not registered here, is at another site, with that port.
func (c Config) isElsewhere(u unit, read *reader) bool {
	if u.remote || !c.hasSubset(u, read) {
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
	chained := c.chained(u, read)
	if is || u.remote {
		return read.said(u, s, nil, chained, c.base)
	}
	alone, _ := read.policiesOf(u, s, chained, c.base)
	failover := alone.Policy().Failover
	places, _ := c.order(u, failover, read)
	for _, at := range places {
		if there, is := read.service(at.service); is {
			s.Former = there.Voters()
			break
		}
	}
	if failover == nil {
		failover = policy.Sites{}
	}
	return read.said(u, s, failover, chained, c.base)
}
