package admin

import (
	"slices"
	"time"

	"legate/discovery"
	"legate/discovery/catalog"
	"legate/internal/quote"
)

// Site is a datacenter or a peer that is followed, in short.
type Site struct {
	Name       string `json:"name"`           // dc2, or cluster01.peer
	Own        bool   `json:"own,omitempty"`  // the own datacenter
	Peer       string `json:"peer,omitempty"` // of the own datacenter; empty: it is a datacenter
	Datacenter string `json:"datacenter"`
	State      string `json:"state"` // how Consul answers, in a word or two
	Connected  bool   `json:"connected"`
	Services   int    `json:"services"`
	Instances  int    `json:"instances"`
	Held       int    `json:"held"`
	// Stale is true while what is served of it is the last known, as Consul said it at StaleSince; none: nothing is known.
	Stale      bool      `json:"stale"`
	StaleSince time.Time `json:"stale_since,omitzero"`
	// LastSuccess is when Consul last gave an answer about it; LastError why it does not answer, if so.
	LastSuccess time.Time `json:"last_success,omitzero"`
	LastError   string    `json:"last_error,omitempty"`
}

// SitesOf are the datacenters and peers that are followed, the own datacenter first; none, if that is the only one.
func SitesOf(c discovery.Status) []Site {
	if len(c.Sites) == 0 {
		return nil
	}
	home := catalog.Site{Datacenter: c.Datacenter}
	own := siteOf(home, c)
	own.Own, own.Stale = true, !c.Connected
	if own.Stale {
		own.StaleSince = c.LastSuccess
	}
	all := []Site{own}
	for _, s := range c.Sites {
		one := siteOf(s.Site(), s.Status)
		if !s.Connected && slices.ContainsFunc(s.Problems, unavailable) {
			one.State = "not available" // the own Consul answers, and says that
		}
		if one.Stale = s.Stale; s.Stale {
			one.StaleSince = s.Believed
		}
		all = append(all, one)
	}
	return all
}

func unavailable(p catalog.Problem) bool { return p.Kind == "unavailable" }

func siteOf(at catalog.Site, s discovery.Status) Site {
	out := Site{Name: cut(at.String()), Peer: cut(at.Peer), Datacenter: cut(at.Datacenter), State: s.State(), Connected: s.Connected, Services: s.Services, Held: s.Held, LastSuccess: s.LastSuccess}
	for _, n := range s.Instances {
		out.Instances += n
	}
	if !s.Connected {
		out.LastError = cut(s.LastError)
	}
	return out
}

// ofSites returns the problems of other sites than the own datacenter, and those that have been silent for long.
func ofSites(s Status) []concern {
	var all []concern
	for _, of := range SitesOf(s.Consul) {
		if of.Own {
			continue
		}
		silent := s.Now.Sub(later(of.LastSuccess, s.Started))
		if !of.Stale || silent <= silenceCritical {
			continue
		}
		name, said := quote.Name(of.Name), "has given no believed answer for "+span(silent)
		if of.LastSuccess.IsZero() {
			said = "has not been heard since the start"
		}
		c := concern{Key: "site/" + of.Name + "/away", Severity: warning, What: plain(name + " " + said),
			Detail: "Nothing is known of it. The own datacenter, and all others, are served as usual.",
			Remedy: "Check its servers and the way to them: consul members -wan, for a peer consul peering list."}
		if of.Services > 0 {
			c.Detail = plural(of.Services, "service") + " with " + plural(of.Instances, "instance") + " stay served as last known of it. Nothing else is concerned."
		}
		all = append(all, c)
	}
	for _, of := range s.Consul.Sites {
		all = append(all, ofProblems(of.Site().String(), of.Problems)...)
	}
	return all
}

// ownProblems are those of the own datacenter.
func ownProblems(c discovery.Status) []catalog.Problem {
	return slices.DeleteFunc(slices.Clone(c.Problems), func(p catalog.Problem) bool { return p.Kind == discovery.OfSite })
}
