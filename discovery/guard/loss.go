package guard

import "time"

// Reason is why a loss is held; it is a metric's label.
type Reason string

// The reasons, the gravest last but one. The last one is about the answer, not about how much it takes.
const (
	calm           Reason = ""
	Emptied        Reason = "emptied"    // a service's last instances that take traffic
	Shrunk         Reason = "shrunk"     // most of a service
	CatalogShrunk  Reason = "catalog"    // much of the datacenter
	DatacenterLost Reason = "datacenter" // most of it
	Doubted        Reason = "doubted"    // anything, by an answer that is odd
)

// loss is what a service lacks of what is served of it, in instances that take traffic.
type loss struct {
	of, left     int  // of the service: the most within the window, and those that are left
	served       int  // with those that Consul lacks and that are kept
	allOf, allAt int  // of and left of the datacenter, with all losses that are held taken for real
	services     int  // how many lost instances within the window
	wentBack     bool // Consul's index did: then the loss of a small datacenter is no person's doing either
	doubt        bool // the answer is odd
}

// wide is how many services must lose instances for it to be about the datacenter.
const wide = 3

// suspect is calm if the loss is believed at once.
func (c Config) suspect(l loss) Reason {
	switch {
	case l.left >= l.of:
		return calm
	case c.DatacenterHold > 0 && (l.services >= wide && l.allOf >= c.Datacenter.From || l.wentBack) && more(l.allOf-l.allAt, c.Datacenter.Percent, l.allOf):
		return DatacenterLost
	case l.left == 0 && (c.Empty > 0 || c.Confirm > 0):
		return Emptied
	case c.Confirm == 0:
		return calm
	case c.Shrink.passed(l.of-l.left, l.of):
		return Shrunk
	case c.erodes(l):
		return CatalogShrunk
	case l.doubt:
		return Doubted
	}
	return calm
}

// erodes says that much of the datacenter is lost.
func (c Config) erodes(l loss) bool {
	return l.services >= wide && c.Catalog.passed(l.allOf-l.allAt, l.allOf)
}

// more says that part is more than so many percent of whole.
func more(part, percent, whole int) bool { return part*100 > percent*whole }

// loss compares what is selected of s with what is served of it.
func (g *State) loss(s *service, now time.Time) loss {
	since := now.Add(-g.cfg.Window)
	others, wentBack := g.kept, g.indexWentBack(now)
	if s.hold != nil {
		others -= taking(s.hold.kept)
		wentBack = wentBack || s.hold.wentBack
	}
	is := g.masked(s, s.selected)
	left, idle := taking(is), idled(s.served, is)
	served := s.traffic.now - idle
	if left < served {
		g.losing[s.key] = now
	}
	return loss{
		of: s.traffic.most(since) - idle, left: left, served: served,
		allOf: g.total.most(since) - idle, allAt: g.total.now - idle - served + left - others,
		services: len(g.losing), wentBack: wentBack, doubt: s.doubt,
	}
}

// indexWentBack says that Consul's index was seen to go back not long ago.
func (g *State) indexWentBack(now time.Time) bool {
	return !g.wentBack.IsZero() && now.Sub(g.wentBack) < max(g.cfg.Reread, g.cfg.Window)
}
