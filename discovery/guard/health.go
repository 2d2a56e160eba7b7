package guard

import (
	"maps"
	"slices"
	"time"

	"legate/discovery/catalog"
)

// onset is how an instance turned critical.
type onset struct {
	at  time.Time
	was catalog.Health
}

// Mass is how much of the datacenter is critical while most of it is.
type Mass struct {
	Since            time.Time
	Of, Critical     int // instances
	Onsets, Services int // instances that turned critical together, and the services that have them
	Policy           string
}

// Mass says whether most of the datacenter turned critical at once and stays so.
func (g *State) Mass() (m Mass, is bool) {
	m = Mass{Since: g.mass, Of: g.size, Onsets: g.onsets, Policy: g.cfg.MassCritical}
	if g.mass.IsZero() {
		return m, false
	}
	for _, s := range g.services {
		m.Critical += s.critical
	}
	m.Services = len(g.which(g.onsets, turnedCritical))
	return m, true
}

// noteOnsets notes which of these instances of s turn critical, before they are served, and forgets
// those that are not critical any more, or not among them. What is kept is as it was served.
func (g *State) noteOnsets(s *service, these []catalog.Instance, now time.Time) {
	s.critical = 0
	onsets := map[catalog.InstanceKey]onset{}
	for i := range these {
		key, critical := these[i].Key(), these[i].Health == catalog.Critical
		if critical {
			s.critical++
		}
		_, said := catalog.Find(s.selected, key)
		at, before := catalog.Find(s.served, key)
		switch o, noted := s.onsets[key]; {
		case noted && (critical || !said):
			onsets[key] = o
		case critical && before && s.served[at].TakesTraffic():
			onsets[key] = onset{now, s.served[at].Health}
		}
	}
	g.onsets += len(onsets) - len(s.onsets)
	s.onsets = onsets
}

// massCritical looks whether most of the datacenter turned critical within the window, and then
// whether that is over.
func (g *State) massCritical(now time.Time, d *Decision) {
	most := func() bool { return more(g.onsets, g.cfg.Datacenter.Percent, g.size) }
	switch {
	case g.mass.IsZero() && most() && g.size >= g.cfg.Datacenter.From:
		for _, s := range g.which(g.onsets, turnedCritical) { // who turned critical long ago did so alone
			before := len(s.onsets)
			maps.DeleteFunc(s.onsets, func(_ catalog.InstanceKey, o onset) bool { return o.at.Before(now.Add(-g.cfg.Window)) })
			g.onsets += len(s.onsets) - before
		}
		if !most() || len(g.which(g.onsets, turnedCritical)) < wide {
			return
		}
		g.mass = now
	case !g.mass.IsZero() && !most():
		g.mass = time.Time{}
	default:
		return
	}
	g.serveCritical(now, d)
}

func (o MassPolicy) on(g *State, now time.Time, d *Decision) {
	g.cfg.MassCritical = o.Policy
	g.serveCritical(now, d)
}

// serveCritical serves anew what turned critical.
func (g *State) serveCritical(now time.Time, d *Decision) {
	for _, s := range g.which(g.onsets, turnedCritical) {
		g.serve(s, now, s.believed(), false, d)
	}
}

// masked are these instances of s as they are served: with ServeAll, those that turned critical with
// most of the datacenter keep the health they had.
func (g *State) masked(s *service, these []catalog.Instance) []catalog.Instance {
	if g.mass.IsZero() || g.cfg.MassCritical != ServeAll || len(s.onsets) == 0 {
		return these
	}
	these = slices.Clone(these)
	for i := range these {
		if o, turned := s.onsets[these[i].Key()]; turned && these[i].Health == catalog.Critical {
			these[i].Health = o.was
		}
	}
	return these
}
