package guard

import (
	"cmp"
	"maps"
	"slices"
	"sort"
	"time"

	"legate/discovery/catalog"
)

// State is what the guard knows of one datacenter. It changes in [State.Step] only, and is used by
// one goroutine at a time.
type State struct {
	cfg      Config
	services map[catalog.ServiceKey]*service
	homes    map[catalog.InstanceKey]*service // who has an instance

	total    highWater             // instances that are served and take traffic
	losing   recent                // services that lost instances
	held     map[*service]struct{} // services of which a loss is held
	kept     int                   // of total, those that holds keep
	returned time.Time             // when something that was held came back last
	wentBack time.Time             // when Consul's index was last seen to go back
	health   health
}

// service is what the guard knows of one.
type service struct {
	key      catalog.ServiceKey
	said     []catalog.Instance // what Consul was last believed to say; all are sorted
	selected []catalog.Instance // what of that the operator selects
	served   []catalog.Instance
	known    bool // Consul was heard: what is served is not the seed
	doubt    bool // the answer was odd
	size     highWater
	hold     *hold // nil: nothing is held
	critical int
	onsets   map[catalog.InstanceKey]onset
}

// New is a State that knows no service.
func New(cfg Config) *State {
	return &State{
		cfg: cfg, services: map[catalog.ServiceKey]*service{}, homes: map[catalog.InstanceKey]*service{},
		held: map[*service]struct{}{}, health: health{falling: map[*service]struct{}{}},
	}
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
	g.serve(g.service(o.Key), now, o.Instances, false, d)
}

func (o Answered) on(g *State, now time.Time, d *Decision) {
	s := g.service(o.Key)
	d.Again = g.rehome(s, o.Said)
	s.known, s.said, s.selected = true, o.Said, o.Selected
	if o.Second == nil {
		s.doubt = o.Doubt
	}
	if h := s.hold; h != nil && len(lacking(h.kept, s.selected)) < len(h.kept) {
		g.returned = now
		d.Unheard = o.Second != nil && h.massive()
	}
	g.weigh(s, now, &o, d)
}

func (Elapsed) on(g *State, now time.Time, d *Decision) {
	for _, s := range inOrder(g.held) {
		g.weigh(s, now, nil, d)
	}
	d.Ask = g.due(now)
	if g.health.mass.IsZero() {
		g.ageOnsets(now)
	}
}

func (o Asked) on(g *State, now time.Time, _ *Decision) {
	if g.Held(o.Key) {
		g.services[o.Key].hold.asked = now
	}
}

func (o Released) on(g *State, now time.Time, d *Decision) {
	for _, s := range inOrder(g.held) {
		if o.Service == "" || o.Service == s.key.Name {
			g.believe(s, now, "released", d)
			s.size.forget() // what is left is the new whole
		}
	}
	if o.Service == "" {
		g.total.forget()
		g.losing = recent{}
	}
}

func (o Reselected) on(g *State, now time.Time, d *Decision) {
	s := g.service(o.Key)
	these := s.served
	if s.known {
		s.selected = o.Selection.Instances(s.said)
		these = s.selected
	}
	if h := s.hold; h != nil {
		g.keep(h, lacking(o.Selection.Instances(h.kept), s.selected))
		d.HoldsChanged = true
		if these = h.served(s.selected); len(h.kept) == 0 {
			g.end(s, now, "dropped", d)
		}
	}
	g.serve(s, now, o.Selection.Instances(these), true, d)
}

func (o Unfollowed) on(g *State, now time.Time, d *Decision) {
	s := g.service(o.Key)
	g.end(s, now, "dropped", d)
	g.rehome(s, nil)
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

// inOrder are services by key, so that the same observations give the same decisions.
func inOrder(set map[*service]struct{}) []*service {
	return slices.SortedFunc(maps.Keys(set), func(a, b *service) int { return a.key.Compare(b.key) })
}

// lacking returns the instances that are not among those of now. Both are sorted.
func lacking(was, now []catalog.Instance) (lost []catalog.Instance) {
	for i := range was {
		if _, there := find(now, was[i].Key()); !there {
			lost = append(lost, was[i])
		}
	}
	return lost
}

// find is where an instance is among these, which are sorted, and whether it is.
func find(all []catalog.Instance, key catalog.InstanceKey) (at int, there bool) {
	return sort.Find(len(all), func(i int) int {
		return cmp.Or(cmp.Compare(key.Node, all[i].Node), cmp.Compare(key.ID, all[i].ID))
	})
}
