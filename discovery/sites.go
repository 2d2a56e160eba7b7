package discovery

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/discovery/watch"
)

// All stands for every datacenter, or every peer, that Consul knows.
const All = "all"

// What Config.RemoteServices can be.
const (
	RemoteAll      = "all"      // every selected service of other sites is followed
	RemoteFailover = "failover" // those are that others are served from; see [Federation.Need]
)

// federated says whether other sites than the own datacenter are followed.
func (c Config) federated() bool { return len(c.Datacenters)+len(c.Peers) > 0 }

// sites are those that are named, beside the own datacenter.
func (c Config) sites(home catalog.Site) (sites []catalog.Site) {
	for _, name := range c.Datacenters {
		if name != All && name != home.Datacenter {
			sites = append(sites, catalog.Site{Datacenter: name})
		}
	}
	for _, name := range c.Peers {
		if name != All {
			sites = append(sites, catalog.Site{Datacenter: home.Datacenter, Peer: name})
		}
	}
	return sites
}

// Follows says whether a site is one of those that are followed from the datacenter own.
func (c Config) Follows(own string, at catalog.Site) bool {
	switch {
	case at == catalog.Site{Datacenter: own}:
		return true
	case at.Peer == "":
		return slices.Contains(c.Datacenters, All) || slices.Contains(c.Datacenters, at.Datacenter)
	}
	return at.Datacenter == own && (slices.Contains(c.Peers, All) || slices.Contains(c.Peers, at.Peer))
}

// OfSite is the kind of the problem in the own datacenter's Status that sums up another site's.
const OfSite = "site"

// SiteStatus is the Status of another site than the own datacenter.
type SiteStatus struct {
	Peer string `json:"peer,omitempty"` // of the datacenter; empty: the datacenter itself
	Status
	// Stale is true while Consul does not answer for the site, apart from a few services, or while not all was read of one
	// that was known before the start: what is served is the last known of it, as Consul said it when it was
	// Believed; zero: nothing is known.
	Stale    bool      `json:"stale"`
	Believed time.Time `json:"believed,omitzero"`
}

// Site is the site that it is of.
func (s SiteStatus) Site() catalog.Site { return catalog.Site{Datacenter: s.Datacenter, Peer: s.Peer} }

// Status is that of the own datacenter, with those of the other sites.
func (f *Federation) Status() Status {
	s := f.own.Status()
	for _, one := range f.others() {
		of := SiteStatus{Peer: one.at.Peer, Status: one.Status()}
		if of.Stale = one.stale(of.Status); of.Stale {
			of.Believed = of.LastSuccess
			if of.Believed.IsZero() || one.known && !of.Complete {
				of.Believed = f.dates[one.at]
			}
		}
		s.Sites = append(s.Sites, of)
		if p, is := foremost(of.Status); is {
			p.Kind, p.Detail = OfSite, of.Site().String()+": "+p.Detail
			s.Problems = append(s.Problems, p)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range s.Sites {
		at := s.Sites[i].Site()
		if slices.ContainsFunc(f.held, func(h Hold) bool { return h.Entry == siteEntry(at) }) {
			s.Sites[i].Held++
		}
	}
	describeHolds(f.held, &s)
	s.Problems = append(s.Problems, f.problems...)
	return s
}

// stale says whether what is served of the site is the last known of it. As at the first read, a tenth of its services may
// fail, and one may of few.
func (s *site) stale(of Status) bool {
	if of.LastSuccess.IsZero() || s.fails() || s.known && !of.Complete {
		return true
	}
	failing := 0
	for _, p := range of.Problems {
		if consul.Failure(p.Kind).Known() {
			failing += p.Queries
		}
	}
	return failing > max(1, of.Services/10)
}

// foremost is the problem that sums up a site: while it is not connected, why; else the first that is more than a hint
// that connections are short.
func foremost(of Status) (catalog.Problem, bool) {
	i := -1
	if !of.Connected {
		i = slices.IndexFunc(of.Problems, func(p catalog.Problem) bool { return consul.Failure(p.Kind).Known() })
	}
	if i < 0 {
		i = slices.IndexFunc(of.Problems, func(p catalog.Problem) bool { return p.Kind != watch.FewConnections })
	}
	if len(of.Problems) == 0 {
		return catalog.Problem{}, false
	}
	return of.Problems[max(i, 0)], true
}

// Asked is [Watcher.Asked], of the own datacenter. The connections are those to all sites.
func (f *Federation) Asked() Asked { return f.own.Asked() }

// Holds are all losses that are held now, those of the own datacenter first.
func (f *Federation) Holds() []Hold {
	holds := f.own.Holds()
	for _, one := range f.others() {
		holds = append(holds, one.Holds()...)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return append(holds, f.held...)
}

// here is the hold, with the Watcher's site if that is another one than the own datacenter.
func (w *Watcher) here(h Hold) Hold {
	if w.other {
		h.Datacenter, h.Peer = w.cfg.Consul.Datacenter, w.peer
	}
	h.Remedy = w.remedyHere(h.Remedy)
	return h
}

// remedyHere is the remedy of a hold, such that it releases nothing of another site.
func (w *Watcher) remedyHere(remedy string) string {
	switch {
	case !w.other && w.cfg.federated():
		return strings.ReplaceAll(remedy, "release --all", "release --site "+w.Datacenter())
	case !w.other:
		return remedy
	}
	at := catalog.Site{Datacenter: w.cfg.Consul.Datacenter, Peer: w.peer}.String()
	return strings.NewReplacer("release --service NAME", "release --service NAME."+at, "release --all", "release --site "+at).Replace(remedy)
}

// Site is the site that it is about; the zero Site: the own datacenter.
func (h Hold) Site() catalog.Site { return catalog.Site{Datacenter: h.Datacenter, Peer: h.Peer} }

// Release is [Watcher.Release]: of a service of another site by its name there, such as web.dc2. Where
// the own datacenter has a service of that very name, and a loss of it is held, that is meant. datacenter/dc2 and
// peer/cluster01 are sites that Consul lists no longer.
func (f *Federation) Release(ctx context.Context, service string) int {
	n := 0
	if service == "" || slices.ContainsFunc(f.own.Holds(), func(h Hold) bool { return h.Service == service || h.Entry == service }) {
		if n = f.own.Release(ctx, service); n > 0 && service != "" {
			return n
		}
	}
	for _, one := range f.others() {
		if service == "" {
			n += one.Release(ctx, "")
		} else if name, of := strings.CutSuffix(service, "."+one.at.String()); of && name != "" {
			n += one.Release(ctx, name)
		}
	}
	return n + f.releaseListed(ctx, func(at catalog.Site) bool { return service == "" || service == siteEntry(at) })
}

// ReleaseSite is [Watcher.Release], of all that is held of one site, and of no other: dc2, or cluster01.peer. That Consul
// lists the site no longer is believed, too. The own datacenter is a site like others.
func (f *Federation) ReleaseSite(ctx context.Context, site string) (n int) {
	if site != "" && site == f.Datacenter() {
		n = f.own.Release(ctx, "")
	}
	for _, one := range f.others() {
		if one.at.String() == site {
			n += one.Release(ctx, "")
		}
	}
	return n + f.releaseListed(ctx, func(at catalog.Site) bool { return at.String() == site })
}

// releaseListed forgets the sites that Consul lists no longer for which of is true, and returns how many.
func (f *Federation) releaseListed(ctx context.Context, of func(catalog.Site) bool) int {
	select {
	case <-f.begun:
	default:
		return 0
	}
	released := make(chan int, 1)
	select {
	case f.command <- func(m *members) { released <- m.release(of) }:
		return <-released
	case <-f.ended:
	case <-ctx.Done():
	}
	return 0
}

// fails says that the site cannot be read now.
func (w *Watcher) fails() bool { return w.queries.ListFails() }

// Read is [Watcher.Read], of the own datacenter.
func (f *Federation) Read(ctx context.Context) (catalog.Catalog, error) { return f.own.Read(ctx) }

// defaultSiteWait is how long the first Delta waits for other sites.
const defaultSiteWait = 5 * time.Second

// badName says what is wrong with the name of a datacenter or a peer; empty: nothing. Consul allows letters,
// digits, - and _.
func badName(name string) string {
	switch {
	case name == "":
		return "is empty"
	case strings.ContainsFunc(name, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '_'
	}):
		return "no such name has characters other than letters, digits, - and _"
	}
	return ""
}
