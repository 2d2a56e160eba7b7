package guard

import (
	"slices"
	"time"

	"legate/discovery/catalog"
)

// due are the services whose holds a second look may tell something new of, those first that had none for
// longest. If there is none it is one of the loss of most of the datacenter, in turn.
func (g *State) due(now time.Time) (ask []catalog.ServiceKey) {
	held := g.which(g.holds, isHeld)
	slices.SortStableFunc(held, func(a, b *service) int { return a.hold.asked.Compare(b.hold.asked) })
	for _, s := range held {
		if due := s.hold.due(g.cfg); !due.IsZero() && !now.Before(due) {
			ask = append(ask, s.key)
		}
	}
	if i := slices.IndexFunc(held, func(s *service) bool { return s.hold.ofMost() }); len(ask) == 0 && i >= 0 {
		ask = append(ask, held[i].key)
	}
	return ask
}

// due is when it is to be looked at again; zero if that would tell nothing new of it alone.
func (h *hold) due(c Config) time.Time {
	var due time.Time
	for i := range h.kept {
		at, missed := h.missed[h.kept[i].Key()]
		switch {
		case !missed:
			at = h.since
		case h.agreed.Sub(at) >= c.Confirm: // it is confirmed
			continue
		default:
			at = at.Add(c.Confirm)
		}
		if due.IsZero() || at.Before(due) {
			due = at
		}
	}
	switch {
	case due.IsZero() && (h.why != Emptied || h.evident):
		return due
	case due.IsZero(): // evidence may still come
		return h.asked.Add(max(c.Confirm, time.Second))
	}
	return latest(due, h.asked.Add(min(c.Confirm, time.Second)))
}

// Held says whether a loss of the service is held.
func (g *State) Held(key catalog.ServiceKey) bool {
	s := g.services[key]
	return s != nil && s.hold != nil
}

// WantsList says that a second look at the service is to see the list of services, too: it may be evidence.
func (g *State) WantsList(key catalog.ServiceKey) bool {
	return g.Held(key) && g.services[key].hold.moved && g.services[key].hold.why == Emptied
}

// evident says whether a second look came with evidence of a deregistration: see the package's page.
func (g *State) evident(h *hold, o *Second, now time.Time) bool {
	switch {
	case g.indexWentBack(now):
		return false
	case o.Elsewhere:
		return true
	case !h.moved || !o.List || o.Filtered || o.Listed:
		return false
	}
	return o.Missing < wide || !more(o.Missing, g.cfg.Catalog.Percent, o.All)
}
