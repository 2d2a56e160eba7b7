package guard

import (
	"time"

	"legate/discovery/catalog"
)

// weigh decides what is served of s: what is selected of it, and what of the lost instances is not
// believed to be lost yet. a is the answer that it is about; nil: time has passed.
func (g *State) weigh(s *service, lost []catalog.Instance, a *Answered, now time.Time, d *Decision) {
	h, l, why := s.hold, loss{}, calm
	if len(lost) > 0 {
		if l = g.loss(s, now); h != nil || l.left < l.served {
			why = g.cfg.suspect(l)
		}
		if h != nil {
			h.lacks(lost)
		}
		if why == calm && h != nil {
			lost, why = g.awaits(h, lost, now)
		}
	}
	switch {
	case len(lost) == 0:
		g.believe(s, now, "returned", d)
		return
	case why == calm:
		g.believe(s, now, "replaced", d)
		return
	case h == nil:
		h = &hold{since: now, missed: map[catalog.InstanceKey]time.Time{}}
		s.hold = h
		g.holds++
	}
	h.left(l.left, now)
	if a != nil {
		g.keep(h, lost)
		h.moved = h.moved || a.Moved
		if a.Consistent {
			h.agree(now)
		}
		if a.Second != nil {
			h.evident = g.evident(h, a.Second, now)
		}
	}
	h.why, h.wentBack = why, h.wentBack || g.indexWentBack(now)
	if why == DatacenterLost && (l.left == 0 || more(l.of-l.left, g.cfg.Shrink.Percent, l.of)) { // a small loss beside that is one of its own
		h.most = now
	}
	d.HoldsChanged = true
	before := len(h.kept)
	if !now.Before(h.ends(g.cfg, g.returned, h.evident && !g.cfg.erodes(l))) {
		if left := h.unconfirmed(g.cfg.Confirm); why != Emptied || len(left) == 0 {
			g.keep(h, left)
		}
	}
	switch {
	case len(h.kept) == 0:
		g.believe(s, now, h.outcome(g.cfg, now), d)
		s.traffic.past = nil // what is left is the new whole
	case len(h.kept) < before || a != nil:
		g.serve(s, now, s.believed(), false, d)
	}
}

// awaits are those of a loss that is calm by itself that are waited for, and why: others of what was lost come back.
// What came back, and goes now, goes for itself.
func (g *State) awaits(h *hold, lost []catalog.Instance, now time.Time) ([]catalog.Instance, Reason) {
	rest := catalog.Common(lost, h.rest)
	switch {
	case now.Before(h.awaited(g.cfg, g.returned)):
		return catalog.Common(lost, h.kept), CatalogShrunk
	case g.cfg.Confirm > 0 && len(rest) > 0:
		return rest, Shrunk
	}
	return lost, calm
}

// believe serves what is selected of s and nothing else. What was held is over.
func (g *State) believe(s *service, now time.Time, outcome string, d *Decision) {
	g.end(s, now, outcome, d)
	g.serve(s, now, s.selected, false, d)
}

// end forgets what is held of s, if there is something.
func (g *State) end(s *service, now time.Time, outcome string, d *Decision) {
	if s.hold == nil {
		return
	}
	g.keep(s.hold, nil)
	d.Ended, d.HoldsChanged = append(d.Ended, Ended{Key: s.key, Outcome: outcome, Held: now.Sub(s.hold.since)}), true
	s.hold = nil
	g.holds--
}

// keep makes these what a hold keeps.
func (g *State) keep(h *hold, these []catalog.Instance) {
	g.kept += taking(these) - taking(h.kept)
	h.keep(these)
}

// serve makes these what is served of s, masked, and counts what takes traffic. What turned critical, and
// what the operator takes back, was not lost: it counts as if it had never been there.
func (g *State) serve(s *service, now time.Time, these []catalog.Instance, byHand bool, d *Decision) {
	g.noteOnsets(s, these, now)
	is := g.masked(s, these)
	by, uncounted := taking(is)-taking(s.served), idled(s.served, is)
	if byHand {
		uncounted = max(0, -by)
	}
	for _, w := range []*highWater{&g.total, &s.traffic} {
		w.discount(uncounted)
		w.set(w.now+by+uncounted, now)
	}
	g.size += len(is) - len(s.served)
	s.served = is
	d.Serve = append(d.Serve, Served{s.key, is})
}
