package guard

import (
	"slices"
	"time"

	"legate/discovery/catalog"
)

// health is what is known of instances that turn critical together.
type health struct {
	of       int                   // instances that are served
	critical int                   // of these, those that are critical, served so or not
	onsets   int                   // of these, those that turned critical lately, or with the mass
	falling  map[*service]struct{} // who has these
	mass     time.Time             // since when most of the datacenter is critical; zero: it is not
}

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
	h := &g.health
	return Mass{h.mass, h.of, h.critical, h.onsets, len(h.falling), g.cfg.MassCritical}, !h.mass.IsZero()
}

// noteOnsets notes which of these instances of s turn critical, before they are served, and forgets
// those that are not critical any more, or not among them.
func (g *State) noteOnsets(s *service, these []catalog.Instance, now time.Time) {
	onsets, critical := map[catalog.InstanceKey]onset{}, 0
	for i := range these {
		key := these[i].Key()
		o, noted := s.onsets[key]
		switch {
		case these[i].Health == catalog.Critical:
			critical++
			if at, there := find(s.served, key); !noted && there && s.served[at].TakesTraffic() {
				o, noted = onset{now, s.served[at].Health}, true
			}
		case noted: // what is kept is as it was served, and may be critical
			_, said := find(s.selected, key)
			noted = !said
		}
		if noted {
			onsets[key] = o
		}
	}
	g.health.critical += critical - s.critical
	s.critical = critical
	g.setOnsets(s, onsets)
}

func (g *State) setOnsets(s *service, onsets map[catalog.InstanceKey]onset) {
	g.health.onsets += len(onsets) - len(s.onsets)
	if s.onsets = onsets; len(onsets) > 0 {
		g.health.falling[s] = struct{}{}
	} else {
		delete(g.health.falling, s)
	}
}

// ageOnsets forgets who turned critical long ago, alone.
func (g *State) ageOnsets(now time.Time) {
	then := now.Add(-g.cfg.Window)
	for s := range g.health.falling {
		recent := map[catalog.InstanceKey]onset{}
		for key, o := range s.onsets {
			if !o.at.Before(then) {
				recent[key] = o
			}
		}
		g.setOnsets(s, recent)
	}
}

// massCritical looks whether most of the datacenter turned critical within the window, and then
// whether that is over.
func (g *State) massCritical(now time.Time, d *Decision) {
	h := &g.health
	most := func() bool { return more(h.onsets, g.cfg.DatacenterPercent, h.of) }
	switch {
	case h.mass.IsZero() && most() && h.of >= g.cfg.DatacenterFrom:
		if g.ageOnsets(now); !most() || len(h.falling) < wide {
			return
		}
		h.mass = now
	case !h.mass.IsZero() && !most():
		h.mass = time.Time{}
	default:
		return
	}
	g.serveFalling(now, d)
}

func (o MassPolicy) on(g *State, now time.Time, d *Decision) {
	g.cfg.MassCritical = o.Policy
	g.serveFalling(now, d)
}

// serveFalling serves anew what turned critical.
func (g *State) serveFalling(now time.Time, d *Decision) {
	for _, s := range inOrder(g.health.falling) {
		these := s.selected
		if s.hold != nil {
			these = s.hold.served(s.selected)
		}
		g.serve(s, now, these, false, d)
	}
}

// masked are these instances of s as they are served: with ServeAll, those that turned critical with
// most of the datacenter keep the health they had.
func (g *State) masked(s *service, these []catalog.Instance) []catalog.Instance {
	if g.health.mass.IsZero() || g.cfg.MassCritical != ServeAll || len(s.onsets) == 0 {
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
