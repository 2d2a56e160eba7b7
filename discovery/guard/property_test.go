package guard

import (
	"fmt"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"legate/discovery/catalog"
)

// seen is an observation, when it was made, and what was decided then.
type seen struct {
	now time.Time
	in  Observation
	out Decision
}

// life is a random Consul, its operator and the guard between them. It checks each decision.
type life struct {
	*world
	r        *rand.Rand
	cfg      Config
	healthy  bool // health never changes, and nobody selects otherwise: what goes is gone
	log      []seen
	selected map[catalog.ServiceKey][]catalog.Instance
	choice   catalog.Selection
	gone     map[catalog.ServiceKey]map[catalog.InstanceKey][2]time.Time // the first and the last consistent answer without it
}

func newLife(t *testing.T, seed uint64, healthy bool) *life {
	cfg := DefaultConfig()
	r := rand.New(rand.NewPCG(seed, 11))
	cfg.Confirm = time.Duration(r.IntN(3)*5) * time.Second
	cfg.Empty = time.Duration(r.IntN(3)*30) * time.Second
	cfg.DatacenterHold = time.Duration(r.IntN(3)*20) * time.Minute
	cfg.MassCritical = []string{Believe, ServeAll}[r.IntN(2)]
	l := &life{world: worldOf(t, cfg, 0, 0), r: r, cfg: cfg, healthy: healthy, selected: map[catalog.ServiceKey][]catalog.Instance{},
		gone: map[catalog.ServiceKey]map[catalog.InstanceKey][2]time.Time{}}
	l.g, l.log = New(cfg), nil
	return l
}

// tell is one step, with all that must be true of it.
func (l *life) tell(in Observation) Decision {
	switch o := in.(type) {
	case Answered:
		l.selected[o.Key] = o.Selected
		l.miss(o)
	case Seeded:
		l.selected[o.Key] = o.Instances
	case Unfollowed:
		l.selected[o.Key] = nil
	case Reselected:
		l.selected[o.Key] = o.Selection.Instances(l.says[o.Key])
	}
	d := l.g.Step(l.now, in)
	l.log = append(l.log, seen{l.now, in, d})
	_, mass := l.g.Mass()
	for n, s := range d.Serve {
		if slices.ContainsFunc(d.Serve[n+1:], func(later Served) bool { return later.Key == s.Key }) {
			continue // what most of the datacenter does, or does no more, was seen after it
		}
		l.check(in, s, l.served[s.Key], mass && l.g.cfg.MassCritical == ServeAll)
	}
	l.do(d)
	if len(d.Serve) > 0 {
		l.consistent()
	}
	return d
}

// miss notes which instances the leader does not have.
func (l *life) miss(o Answered) {
	missed := map[catalog.InstanceKey][2]time.Time{}
	for _, i := range catalog.Lacking(l.served[o.Key], o.Selected) {
		at, was := l.gone[o.Key][i.Key()]
		if o.Consistent && !was {
			at = [2]time.Time{l.now, l.now}
		} else if o.Consistent {
			at[1] = l.now
		}
		if o.Consistent || was {
			missed[i.Key()] = at
		}
	}
	l.gone[o.Key] = missed
}

// check is what must be true of what is served of a service after a step, and of what was before.
func (l *life) check(in Observation, s Served, before []catalog.Instance, masked bool) {
	say := func(format string, args ...any) {
		l.t.Helper()
		l.t.Errorf("step %d, %T of %s: %s", len(l.log), in, s.Key.Name, fmt.Sprintf(format, args...))
	}
	selected := l.selected[s.Key]
	if !slices.IsSortedFunc(s.Instances, catalog.Instance.Compare) {
		say("what is served is not in order")
	}
	for _, i := range selected {
		at, there := catalog.Find(s.Instances, i.Key())
		if !there {
			say("%s is there and not served", i.ID)
		} else if got := s.Instances[at]; !got.Equal(i) {
			if got.Health = i.Health; !masked || i.Health != catalog.Critical || !got.Equal(i) {
				say("%s is served as %+v, want as it is, %+v", i.ID, s.Instances[at], i)
			}
		}
	}
	for _, i := range catalog.Lacking(s.Instances, selected) {
		at, was := catalog.Find(before, i.Key())
		if !was {
			say("%s is served, and was neither said nor served before", i.ID)
			continue
		}
		last := before[at]
		if !l.healthy { // a policy for masses may change what is kept, too
			last.Health = i.Health
		}
		if !last.Equal(i) {
			say("%s is kept as %+v, want as it was, %+v", i.ID, i, before[at])
		}
		switch o := in.(type) {
		case Reselected:
			if o.Key == s.Key && len(o.Selection.Instances([]catalog.Instance{i})) == 0 {
				say("%s is served, and the operator does not select it", i.ID)
			}
		case Unfollowed:
			if o.Key == s.Key {
				say("%s is served, and nobody follows it", i.ID)
			}
		case Released:
			if o.Service == "" || o.Service == s.Key.Name {
				say("%s is served after the release", i.ID)
			}
		}
	}
	switch in.(type) {
	case Answered, Elapsed:
	default:
		return
	}
	if lost := catalog.Lacking(before, s.Instances); l.healthy && len(lost) > 0 && l.suspicious(s, before) {
		for _, i := range lost {
			if at := l.gone[s.Key][i.Key()]; at[0].IsZero() || at[1].Sub(at[0]) < l.cfg.Confirm {
				say("%s is believed to be gone, and that was not confirmed: missed from %v to %v, now is %v; %d of %d are left", i.ID, at[0], at[1], l.now, len(s.Instances), len(before))
			}
		}
	}
}

// suspicious says that what a service lost must be confirmed, whatever others lose: it was its last
// instance, or most of it. What was believed already is not counted again.
func (l *life) suspicious(s Served, before []catalog.Instance) bool {
	most := len(before)
	if len(catalog.Lacking(s.Instances, before)) > 0 { // others came in their place
		return false
	}
	return l.cfg.Confirm > 0 && (len(s.Instances) == 0 || most >= l.cfg.Shrink.From && len(s.Instances)*100 < most*(100-l.cfg.Shrink.Percent))
}

// consistent is what must be true of the state itself.
func (l *life) consistent() {
	size, traffic, holds, kept, onsets := 0, 0, 0, 0, 0
	for _, s := range l.g.services {
		size += len(s.served)
		traffic += taking(s.served)
		onsets += len(s.onsets)
		if s.traffic.now != taking(s.served) {
			l.t.Errorf("step %d: %s has %d instances that take traffic, and %d are counted", len(l.log), s.key.Name, taking(s.served), s.traffic.now)
		}
		if s.hold == nil {
			continue
		}
		holds++
		kept += taking(s.hold.kept)
		if len(s.hold.kept) == 0 || len(catalog.Lacking(s.hold.kept, s.selected)) != len(s.hold.kept) {
			l.t.Errorf("step %d: what is kept of %s is %+v, and Consul says %+v", len(l.log), s.key.Name, s.hold.kept, s.selected)
		}
	}
	g := l.g
	if g.size != size || g.total.now != traffic || g.holds != holds || g.kept != kept || g.onsets != onsets {
		l.t.Errorf("step %d: counted are %d instances, %d that take traffic, %d holds, %d instances that are kept and %d that turned critical, want %d, %d, %d, %d and %d",
			len(l.log), g.size, g.total.now, g.holds, g.kept, g.onsets, size, traffic, holds, kept, onsets)
	}
}

// elapse lets time pass, with second looks.
func (l *life) elapse(d time.Duration, answered func() bool) {
	for end := l.now.Add(d); l.now.Before(end); {
		l.now = l.now.Add(time.Second)
		for _, k := range l.tell(Elapsed{}).Ask {
			l.tell(Asked{k})
			if answered() {
				all := l.says[k]
				l.tell(Answered{Key: k, Said: all, Selected: l.choice.Instances(all), Consistent: true,
					Second: &Second{Elsewhere: l.r.IntN(9) == 0, List: l.r.IntN(2) == 0, Listed: l.r.IntN(2) == 0, Missing: l.r.IntN(6), All: len(l.selected)}})
			}
		}
	}
}

// answer is what Consul says next of a service.
func (l *life) answer(k catalog.ServiceKey) {
	all := l.says[k]
	what := l.r.IntN(10)
	switch {
	case what < 4: // some go, or all
		part := l.r.Float64() * 1.3
		all = slices.DeleteFunc(slices.Clone(all), func(catalog.Instance) bool { return l.r.Float64() < part })
	case what < 7: // some come
		all = slices.Clone(all)
		for range 1 + l.r.IntN(6) {
			i := catalog.Instance{Node: "n", ID: fmt.Sprint(l.r.IntN(12)), Port: l.r.IntN(3), Tags: []string{string(rune('a' + l.r.IntN(2)))}}
			if at, there := catalog.Find(all, i.Key()); !there {
				all = slices.Insert(all, at, i)
			}
		}
	case !l.healthy:
		all = slices.Clone(all)
		health := []catalog.Health{catalog.Passing, catalog.Warning, catalog.Critical, catalog.Critical, catalog.Maintenance}[l.r.IntN(5)]
		for i := range all {
			if l.r.IntN(3) > 0 {
				all[i].Health = health
			}
		}
	}
	l.says[k] = all
	l.tell(Answered{Key: k, Said: all, Selected: l.choice.Instances(all), Consistent: l.r.IntN(3) > 0, Moved: l.r.IntN(2) == 0, Doubt: l.r.IntN(6) == 0})
}

// live lets all sorts of things happen.
func (l *life) live(steps int) {
	services := 1 + l.r.IntN(12)
	for range l.r.IntN(services) {
		k := key(l.r.IntN(services))
		if l.selected[k] == nil {
			l.says[k] = some(1, 0, 1+l.r.IntN(3))
			l.tell(Seeded{k, l.says[k]})
		}
	}
	for range steps {
		k := key(l.r.IntN(services))
		switch what := l.r.IntN(60); {
		case what < 40:
			for range 1 + l.r.IntN(services) { // several at once
				l.answer(key(l.r.IntN(services)))
			}
		case what < 54:
			l.elapse(time.Duration(l.r.IntN(40))*time.Second, func() bool { return l.r.IntN(4) > 0 })
		case what < 55:
			l.elapse(time.Duration(l.r.IntN(10))*time.Minute, func() bool { return true })
		case what < 56:
			l.tell(IndexWentBack{})
		case what < 57:
			l.tell(Released{[]string{"", k.Name}[l.r.IntN(2)]})
		case what < 58:
			l.says[k] = nil
			l.tell(Unfollowed{k})
			delete(l.selected, k)
		case l.healthy:
		case what < 59:
			l.choice.Tags = [][]string{nil, {"a"}, {"b"}}[l.r.IntN(3)]
			for n := range services {
				l.tell(Reselected{key(n), l.choice})
			}
		default:
			l.tell(MassPolicy{[]string{Believe, ServeAll}[l.r.IntN(2)]})
		}
	}
}

// Whatever happens, what is added is served at once, what is served was said or is as it was served
// before, what is suspicious is not believed before it is confirmed, and what the operator wants is done
// at once. See life.check.
func TestWhateverHappens(t *testing.T) {
	for seed := range uint64(40) {
		l := newLife(t, seed, seed%3 == 0)
		l.live(60)
		if t.Failed() {
			t.Fatalf("seed %d, %+v", seed, l.cfg)
		}
	}
}

// When Consul says the same for long enough, and can be asked, nothing is held any more.
func TestEachHoldEnds(t *testing.T) {
	for seed := range uint64(12) {
		l := newLife(t, seed, false)
		l.live(40)
		l.elapse(max(l.cfg.DatacenterHold, 10*time.Minute)+2*time.Minute, func() bool { return true })
		if h := l.g.Holds(); len(h) > 0 {
			t.Errorf("seed %d: held is %+v", seed, h)
		}
		for k, all := range l.selected {
			if got := l.served[k]; len(got) != len(all) {
				t.Errorf("seed %d: %d instances of %s are served, want the %d that there are", seed, len(got), k.Name, len(all))
			}
		}
	}
}

// A release, too, ends all at once, and what is gone is forgotten: nothing grows.
func TestNothingIsLeftOfWhatIsGone(t *testing.T) {
	for seed := range uint64(30) {
		l := newLife(t, seed, false)
		l.live(40)
		held := len(l.g.Holds())
		if d := l.tell(Released{}); len(d.Ended) != held || len(l.g.Holds()) > 0 {
			t.Errorf("seed %d: %d of %d holds ended", seed, len(d.Ended), held)
		}
		for k := range l.g.services {
			l.tell(Unfollowed{k})
		}
		l.elapse(l.cfg.Window+time.Second, func() bool { return true })
		l.g.total.most(l.now.Add(-l.cfg.Window))
		g := l.g
		if left := fmt.Sprint(len(g.services), len(g.losing), g.size, g.kept, g.onsets, g.total.now, len(g.total.past), g.mass.IsZero()); left != "0 0 0 0 0 0 0 true" {
			t.Errorf("seed %d: left is %s", seed, left)
		}
	}
}

// The same observations at the same times give the same decisions.
func TestTheSameObservationsGiveTheSameDecisions(t *testing.T) {
	for seed := range uint64(30) {
		l := newLife(t, seed, false)
		l.live(40)
		again := New(l.cfg)
		for n, s := range l.log {
			if d := again.Step(s.now, s.in); !reflect.DeepEqual(d, s.out) {
				t.Fatalf("seed %d, step %d, %T: %+v, and before it was %+v", seed, n, s.in, d, s.out)
			}
		}
		if !reflect.DeepEqual(again.Holds(), l.g.Holds()) {
			t.Fatalf("seed %d: held is %+v, and before it was %+v", seed, again.Holds(), l.g.Holds())
		}
	}
}

// The loss of most of a datacenter within the window is held, in whatever order and at whatever pace.
func TestAMassLossIsHeld(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 5))
		services, instances := 3+r.IntN(20), 4+r.IntN(4)
		w := worldOf(t, DefaultConfig(), services, instances)
		pause := time.Duration(r.Int64N(int64(9*time.Second) / int64(services)))
		for _, n := range r.Perm(services) {
			w.has(n, 0, r.IntN(instances/2))
			w.pass(pause)
		}
		w.pass(time.Minute)
		all := services * instances
		if n := w.all(); n < all/2 {
			t.Errorf("seed %d: %d of %d instances are served after the loss", seed, n, all)
		}
	}
}

// No clock is read, nothing is started.
func TestTheGuardHasNoClock(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		raw, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.ParseFile(token.NewFileSet(), f.Name(), raw, parser.SkipObjectResolution); err != nil {
			t.Fatal(err)
		}
		for _, call := range []string{"time.Now", "time.Since", "time.Until", "time.After(", "time.Sleep", "time.NewT", "time.Tick(", "go func", "math/rand", "log/slog"} {
			if strings.Contains(string(raw), call) {
				t.Errorf("%s has %s", f.Name(), call)
			}
		}
	}
}
