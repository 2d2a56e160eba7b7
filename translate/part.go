package translate

import (
	"legate/discovery/catalog"
	"legate/translate/policy"
)

// part is a service whose instances are endpoints of a unit.
type part struct {
	catalog.Service
	rank   uint32   // of its endpoints
	reach  []string // at which of their addresses they are reached: see catalog.Instance.Reach
	region string   // of instances for which Consul knows none
}

// parts are the services whose instances are a unit's endpoints.
func (c Config) parts(_ unit, s catalog.Service, p policy.Policy) []part {
	return []part{c.part(s, 0, p)}
}

// part is a service as a part of a unit.
func (c Config) part(s catalog.Service, rank uint32, _ policy.Policy) part {
	site := s.Key.Site()
	one := part{Service: s, rank: min(rank, maxRank), reach: c.Reach, region: site.String()}
	if site != c.site() {
		one.reach = fromElsewhere
	}
	return one
}

// fromElsewhere is at which of their addresses instances of other sites are reached: what they have for that, else
// their own.
var fromElsewhere = []string{catalog.WANAddress, catalog.AutoAddress}
