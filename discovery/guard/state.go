package guard

import (
	"maps"
	"slices"
	"time"

	"legate/discovery/catalog"
)

// State is what the guard knows of one datacenter. It changes in [State.Step] only, and is one goroutine's.
type State struct {
	cfg      Config
	services map[catalog.ServiceKey]*service
	size     int                              // instances that are served
	total    highWater                        // of these, those that take traffic
	holds    int                              // services of which a loss is held
	kept     int                              // of total, instances that they keep
	losing   map[catalog.ServiceKey]time.Time // when a service lost instances
	returned time.Time                        // when something that was held came back last
	wentBack time.Time                        // when Consul's index was last seen to go back
	onsets   int                              // instances that turned critical lately, or with the mass
	mass     time.Time                        // since when most of the datacenter is critical; zero: it is not

	entries     map[catalog.EntryKey]*entry // Consul's config entries
	entriesAt   map[string]uint64           // index of the last list of each kind
	heldEntries int                         // of these, that are held
}

// service is what the guard knows of one. Its instances are sorted.
type service struct {
	key      catalog.ServiceKey
	said     []catalog.Instance // what Consul was last believed to say
	selected []catalog.Instance // what of that the operator selects
	served   []catalog.Instance
	doubt    bool // the answer was odd
	traffic  highWater
	hold     *hold // nil: nothing is held
	critical int
	onsets   map[catalog.InstanceKey]onset
}

// New is a State that knows no service.
func New(cfg Config) *State {
	return &State{cfg: cfg, services: map[catalog.ServiceKey]*service{}, losing: map[catalog.ServiceKey]time.Time{}, entries: map[catalog.EntryKey]*entry{}, entriesAt: map[string]uint64{}}
}

// Step takes an observation into account and says what follows. It is a pure function of the state,
// the observation and the time.
func (g *State) Step(now time.Time, seen Observation) Decision {
	var d Decision
	seen.on(g, now, &d)
	g.massCritical(now, &d)
	return d
}

func (o Seeded) on(g *State, now time.Time, d *Decision) {
	s := g.service(o.Key)
	s.said, s.selected = o.Instances, o.Instances
	g.serve(s, now, s.selected, false, d)
}

func (o Answered) on(g *State, now time.Time, d *Decision) {
	s := g.service(o.Key)
	s.said, s.selected = o.Said, o.Selected
	if o.Second == nil {
		s.doubt = o.Doubt
	}
	if h := s.hold; h != nil && len(catalog.Common(h.kept, s.selected)) > 0 {
		g.returned = now
		d.Unheard = o.Second != nil && h.ofMost()
	}
	g.weigh(s, catalog.Lacking(s.served, s.selected), &o, now, d)
}

func (Elapsed) on(g *State, now time.Time, d *Decision) {
	maps.DeleteFunc(g.losing, func(_ catalog.ServiceKey, at time.Time) bool { return at.Before(now.Add(-g.cfg.Window)) })
	for _, s := range g.which(g.holds, isHeld) {
		g.weigh(s, s.hold.kept, nil, now, d)
	}
	d.Ask = g.due(now)
	g.elapsedEntries(now, d)
}

func (o Asked) on(g *State, now time.Time, _ *Decision) {
	if g.Held(o.Key) {
		g.services[o.Key].hold.asked = now
	}
}

func (o Released) on(g *State, now time.Time, d *Decision) {
	for _, s := range g.which(g.holds, isHeld) {
		if o.Service == "" || o.Service == s.key.Name {
			g.believe(s, now, "released", d)
			s.traffic.past = nil // what is left is the new whole
		}
	}
	g.releaseEntries(o.Service, now, d)
	if o.Service == "" {
		g.total.past = nil
		clear(g.losing)
	}
}

func (o Reselected) on(g *State, now time.Time, d *Decision) {
	s := g.service(o.Key)
	s.selected = o.Selection.Instances(s.said)
	if h := s.hold; h != nil {
		g.keep(h, catalog.Lacking(o.Selection.Instances(h.kept), s.selected))
		if d.HoldsChanged = true; len(h.kept) == 0 {
			g.end(s, now, "dropped", d)
		}
	}
	g.serve(s, now, s.believed(), true, d)
}

func (o Unfollowed) on(g *State, now time.Time, d *Decision) {
	s := g.service(o.Key)
	g.end(s, now, "dropped", d)
	g.serve(s, now, nil, true, d)
	delete(g.services, o.Key)
}

func (IndexWentBack) on(g *State, now time.Time, _ *Decision) { g.wentBack = now }

// service is what is known of a service; of a new one nothing is.
func (g *State) service(key catalog.ServiceKey) *service {
	s := g.services[key]
	if s == nil {
		s = &service{key: key}
		g.services[key] = s
	}
	return s
}

// which are the services that are so, atMost so many, by key: the same observations give the same decisions.
func (g *State) which(atMost int, are func(*service) bool) (these []*service) {
	for _, s := range g.services {
		if len(these) == atMost {
			break
		}
		if are(s) {
			these = append(these, s)
		}
	}
	slices.SortFunc(these, func(a, b *service) int { return a.key.Compare(b.key) })
	return these
}

func isHeld(s *service) bool         { return s.hold != nil }
func turnedCritical(s *service) bool { return len(s.onsets) > 0 }

// believed is what is served of s, but for the policy for masses.
func (s *service) believed() []catalog.Instance {
	if s.hold == nil {
		return s.selected
	}
	all := slices.Concat(s.selected, s.hold.kept)
	slices.SortFunc(all, catalog.Instance.Compare)
	return all
}
