package discovery

import (
	"slices"
	"time"

	"legate/discovery/catalog"
)

// roster knows which sites are followed: those that are named, and, where all are, those that Consul lists. A
// listed one that Consul lists no longer is kept for a time, since a server that has just started lists
// the own datacenter only. It is a pure state machine, and one goroutine's.
type roster struct {
	cfg     Config
	home    catalog.Site
	missing map[catalog.Site]time.Time // since when a site that is followed is not listed any more; zero: it is
}

// newRoster has the sites that are named, and those of which something is known from before.
func newRoster(cfg Config, home catalog.Site, known catalog.Catalog) *roster {
	r := &roster{cfg: cfg, home: home, missing: map[catalog.Site]time.Time{}}
	for _, at := range cfg.sites(home) {
		r.missing[at] = time.Time{}
	}
	for key := range known.Services {
		if at := key.Site(); at != home && cfg.Follows(home.Datacenter, at) {
			r.missing[at] = time.Time{}
		}
	}
	return r
}

// named says whether a site is followed whatever Consul lists.
func (r *roster) named(at catalog.Site) bool { return slices.Contains(r.cfg.sites(r.home), at) }

// follows are the sites that are followed, in order.
func (r *roster) follows() (sites []catalog.Site) {
	for at := range r.missing {
		sites = append(sites, at)
	}
	slices.SortFunc(sites, catalog.Site.Compare)
	return sites
}

// listed takes in all datacenters, or all peers, that Consul lists, where all of them are followed. It
// returns the sites that are new, and those that are followed no longer: they were not listed for
// long enough, or hold nothing.
func (r *roster) listed(sites []catalog.Site, peers bool, now time.Time, holds func(catalog.Site) bool) (came, gone []catalog.Site) {
	for _, at := range sites {
		if _, known := r.missing[at]; !known && at != r.home {
			came = append(came, at)
		}
		if at != r.home {
			r.missing[at] = time.Time{}
		}
	}
	for _, at := range r.follows() {
		if (at.Peer != "") != peers || slices.Contains(sites, at) || r.named(at) {
			continue
		}
		if r.missing[at].IsZero() {
			r.missing[at] = now
		}
		if !holds(at) || !now.Before(r.until(at)) {
			delete(r.missing, at)
			gone = append(gone, at)
		}
	}
	return came, gone
}

// until is when a site that is not listed any more is forgotten, if it is not listed then either.
func (r *roster) until(at catalog.Site) time.Time {
	return r.missing[at].Add(max(r.cfg.Guard.DatacenterHold, r.cfg.Guard.Confirm))
}

// release forgets a site that is not listed any more. It is false if there is no such site.
func (r *roster) release(at catalog.Site) bool {
	since, followed := r.missing[at]
	if !followed || since.IsZero() {
		return false
	}
	delete(r.missing, at)
	return true
}

// held are the sites that are not listed any more and are kept, in order.
func (r *roster) held() (holds []Hold) {
	for _, at := range r.follows() {
		if since := r.missing[at]; !since.IsZero() {
			holds = append(holds, Hold{Entry: siteEntry(at), Why: siteGone, Since: since, Until: r.until(at), Remedy: siteRemedy})
		}
	}
	return holds
}

// siteGone is why a Hold is about a site as a whole.
const siteGone = "site"

const siteRemedy = "if it was taken down on purpose, wait, or release it: legate holds release --service datacenter/NAME or peer/NAME; else look at Consul: does consul members -wan, or consul peering list, show it?"

// siteEntry is what a Hold of a site is called, and released by: datacenter/dc2, or peer/cluster01.
func siteEntry(at catalog.Site) string {
	if at.Peer != "" {
		return "peer/" + at.Peer
	}
	return "datacenter/" + at.Datacenter
}
