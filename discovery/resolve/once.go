package resolve

import (
	"context"
	"maps"
	"time"

	"golang.org/x/sync/errgroup"

	"legate/discovery/catalog"
)

// Once returns the catalog with its host names resolved; each is queried once. Where DNS does not answer,
// the addresses count that the catalog has already. It is called instead of Run.
func (r *Resolver) Once(ctx context.Context, c catalog.Catalog) catalog.Catalog {
	names := map[string]*name{}
	var group errgroup.Group
	group.SetLimit(r.cfg.Queries)
	for _, s := range c.Services {
		for _, host := range hostsOf(s, r.cfg.Reach) {
			if names[host] != nil {
				continue
			}
			n := &name{host: host, addresses: s.Hosts[host].Addresses}
			names[host] = n
			group.Go(func() error {
				n.learn(r.lookup.of(ctx, host), r.cfg.Keep, time.Now())
				return nil
			})
		}
	}
	_ = group.Wait() // none fails
	out := catalog.Catalog{Services: maps.Clone(c.Services), Entries: c.Entries}
	for key, s := range c.Services {
		hosts := hostsOf(s, r.cfg.Reach)
		if len(hosts) == 0 {
			continue
		}
		s.Hosts = make(map[string]catalog.Host, len(hosts))
		for _, host := range hosts {
			s.Hosts[host] = names[host].value()
		}
		out.Services[key] = s
	}
	return out
}
