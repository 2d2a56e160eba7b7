package guard

import (
	"slices"
	"time"

	"legate/discovery/catalog"
)

// due are the services whose holds a second look may tell something new of, the one that has been due
// for longest first. If there is none it is one of the loss of most of the datacenter: one each time,
// in turn, for as long as that is held.
func (g *State) due(now time.Time) (ask []catalog.ServiceKey) {
	type look struct {
		s  *service
		at time.Time
	}
	var due []look
	var next *service
	for _, s := range inOrder(g.held) {
		switch at := s.hold.due(g.cfg); {
		case !at.IsZero() && !now.Before(at):
			due = append(due, look{s, at})
		case s.hold.massive() && (next == nil || s.hold.asked.Before(next.hold.asked)):
			next = s
		}
	}
	if len(due) == 0 && next != nil {
		due = append(due, look{s: next})
	}
	slices.SortStableFunc(due, func(a, b look) int { return a.at.Compare(b.at) })
	for _, l := range due {
		ask = append(ask, l.s.key)
	}
	return ask
}

// due is when it is to be looked at again; zero if that would tell nothing new of it alone.
func (h *hold) due(c Config) time.Time {
	var due time.Time
	for _, i := range h.unconfirmed(c.Confirm) {
		at := h.since
		if first, missed := h.missed[i.Key()]; missed {
			at = first.Add(c.Confirm)
		}
		if due.IsZero() || at.Before(due) {
			due = at
		}
	}
	if due.IsZero() && h.why == Emptied && !h.evident { // evidence may still come
		due = h.asked.Add(max(c.Confirm, time.Second))
	}
	if due.IsZero() || h.asked.IsZero() {
		return due
	}
	return later(due, h.asked.Add(min(c.Confirm, time.Second)))
}

// WantsList says that a second look at the service is to see the list of services, too: it may be
// evidence.
func (g *State) WantsList(key catalog.ServiceKey) bool {
	return g.Held(key) && g.services[key].hold.moved && g.services[key].hold.why == Emptied
}

// evident says whether a second look at a service without instances that take traffic came with
// evidence that they were deregistered, or lost their tags, on purpose: see the package's page.
func (g *State) evident(s *service, o *Second, now time.Time) bool {
	switch {
	case g.indexWentBack(now):
		return false
	case g.movedAway(s):
		return true
	case !s.hold.moved || !o.List || o.Filtered || o.Listed:
		return false
	}
	return o.Missing < wide || !more(o.Missing, g.cfg.CatalogPercent, o.All)
}

// rehome notes which instances s has, according to an answer. A service id is unique on its node, so
// Consul has an instance under one name only, that of its last registration: one that s has now and
// another service had is gone from that one.
func (g *State) rehome(s *service, said []catalog.Instance) (again []catalog.ServiceKey) {
	for _, i := range lacking(said, s.said) {
		if other := g.homes[i.Key()]; other != nil && other != s {
			again = append(again, other.key)
		}
		g.homes[i.Key()] = s
	}
	for _, i := range lacking(s.said, said) {
		if g.homes[i.Key()] == s {
			delete(g.homes, i.Key())
		}
	}
	return again
}

// movedAway says that every instance that is kept of s was seen under another name since: so Consul
// has not forgotten them.
func (g *State) movedAway(s *service) bool {
	return !slices.ContainsFunc(s.hold.kept, func(i catalog.Instance) bool {
		home := g.homes[i.Key()]
		return home == nil || home == s
	})
}
