package guard

import (
	"slices"
	"time"

	"legate/discovery/catalog"
)

// due are the services whose holds a second look may tell something new of, those first that had none
// for longest. If there is none it is one of the loss of most of the datacenter: one each time, in
// turn, for as long as that is held.
func (g *State) due(now time.Time) (ask []catalog.ServiceKey) {
	held := g.which(isHeld)
	slices.SortStableFunc(held, func(a, b *service) int { return a.hold.asked.Compare(b.hold.asked) })
	for _, s := range held {
		if due := s.hold.due(g.cfg); !due.IsZero() && !now.Before(due) {
			ask = append(ask, s.key)
		}
	}
	if i := slices.IndexFunc(held, func(s *service) bool { return s.hold.massive() }); len(ask) == 0 && i >= 0 {
		ask = append(ask, held[i].key)
	}
	return ask
}

// due is when it is to be looked at again; zero if that would tell nothing new of it alone.
func (h *hold) due(c Config) time.Time {
	var due []time.Time
	for _, i := range h.unconfirmed(c.Confirm) {
		if first, missed := h.missed[i.Key()]; missed {
			due = append(due, first.Add(c.Confirm))
		} else {
			due = append(due, h.since)
		}
	}
	switch {
	case len(due) > 0:
		return latest(earliest(due...), h.asked.Add(min(c.Confirm, time.Second)))
	case h.why == Emptied && !h.evident: // evidence may still come
		return h.asked.Add(max(c.Confirm, time.Second))
	}
	return time.Time{}
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
	return o.Missing < wide || !more(o.Missing, g.cfg.Catalog.Percent, o.All)
}

// rehome notes which instances s has, according to an answer. A service id is unique on its node, so
// Consul has an instance under one name only, that of its last registration: one that s has now and
// another service had is gone from that one.
func (g *State) rehome(s *service, said []catalog.Instance) (again []catalog.ServiceKey) {
	for _, i := range catalog.Lacking(said, s.said) {
		if other := g.homes[i.Key()]; other != nil && other != s {
			again = append(again, other.key)
		}
		g.homes[i.Key()] = s
	}
	for _, i := range catalog.Lacking(s.said, said) {
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
