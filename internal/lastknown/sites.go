package lastknown

import (
	"maps"
	"slices"
	"time"

	"legate/discovery/catalog"
)

// leaveOut takes out of a file's content what is of sites that are not followed, and of those that Consul
// has not confirmed for too long. Those that stay count for themselves: which sites are followed does not
// make a file unusable.
func (s *Shelf) leaveOut(h *Header, c *catalog.Catalog, now time.Time) {
	own, without := catalog.Site{Datacenter: h.Scope.Datacenter}, map[catalog.Site]bool{}
	h.Sites = slices.DeleteFunc(h.Sites, func(one Site) bool {
		why := ""
		switch {
		case s.config.Follows == nil || !s.config.Follows(own.Datacenter, one.Site):
			why = "it is not followed any more"
		case now.Sub(one.Believed).Abs() > s.config.MaxAge:
			why = "it is too old: --last-known-max-age allows older ones"
		default:
			return false
		}
		s.log.Info("the last known part of a site is not used", "site", one.String(), "why", why, age(one.Believed, now))
		without[one.Site] = true
		return true
	})
	maps.DeleteFunc(c.Services, func(key catalog.ServiceKey, _ catalog.Service) bool { return without[key.Site()] })
}

// sitesOf are the sites that a catalog has services of, beside the own datacenter, each with the date of the last
// answer that was believed. What Consul has not confirmed since the start keeps the date that it had.
func (s *Shelf) sitesOf(c catalog.Catalog, own string, answered map[catalog.Site]time.Time) (sites []Site) {
	there := map[catalog.Site]bool{}
	for key := range c.Services {
		there[key.Site()] = true
	}
	delete(there, catalog.Site{Datacenter: own})
	for at := range there {
		one := Site{Site: at, Believed: answered[at].UTC()}
		if i := slices.IndexFunc(s.header.Sites, func(o Site) bool { return o.Site == at }); one.Believed.IsZero() && i >= 0 {
			one.Believed = s.header.Sites[i].Believed
		}
		sites = append(sites, one)
	}
	slices.SortFunc(sites, func(a, b Site) int { return a.Compare(b.Site) })
	return sites
}

// Sites are when Consul last confirmed what the loaded file has of each site, beside the own datacenter.
func (s *Shelf) Sites() map[catalog.Site]time.Time {
	dates := map[catalog.Site]time.Time{}
	for _, one := range s.header.Sites {
		dates[one.Site] = one.Believed
	}
	return dates
}
