package guard

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"legate/discovery/catalog"
)

// world is a Consul that says what a story lets it say, and a guard that is told.
type world struct {
	t      *testing.T
	g      *State
	now    time.Time
	says   map[catalog.ServiceKey][]catalog.Instance // all that Consul says, also if the guard was not told
	served map[catalog.ServiceKey][]catalog.Instance // what the guard decided
	ended  []string                                  // outcomes of holds, in order
	looks  int                                       // second looks that were taken
	mute   bool                                      // nobody answers second looks
	list   *Second
	// elsewhere says that all that is kept lives on under other names.
	elsewhere bool
	loud      int // times that it was unheard
}

// worldOf has so many services with so many instances each, which the guard has known for long.
func worldOf(t *testing.T, cfg Config, services, instances int) *world {
	w := &world{t: t, g: New(cfg), now: at(0), says: map[catalog.ServiceKey][]catalog.Instance{}, served: map[catalog.ServiceKey][]catalog.Instance{}}
	w.list = &Second{List: true, All: services}
	for n := range services {
		w.has(n, 0, instances)
	}
	w.pass(2 * time.Minute)
	return w
}

// some are the instances of a service from one number to another.
func some(n, from, to int) (all []catalog.Instance) {
	for i := from; i < to; i++ {
		all = append(all, catalog.Instance{Node: "n", ID: fmt.Sprintf("%d-%02d", n, i), Port: 80})
	}
	return all
}

// sick makes the instances from one number to another critical.
func sick(all []catalog.Instance, from, to int) []catalog.Instance {
	all = slices.Clone(all)
	for i := from; i < to; i++ {
		all[i].Health = catalog.Critical
	}
	return all
}

// step tells the guard of something, and does what it decides.
func (w *world) step(seen Observation) Decision {
	d := w.g.Step(w.now, seen)
	w.do(d)
	return d
}

// do does what was decided.
func (w *world) do(d Decision) {
	for _, s := range d.Serve {
		w.served[s.Key] = s.Instances
	}
	for _, e := range d.Ended {
		w.ended = append(w.ended, e.Outcome)
	}
	if d.Unheard {
		w.loud++
	}
}

// hears is an answer about a service: the leader's, at a higher index, unless a story changes that.
func (w *world) hears(n int, all []catalog.Instance, change ...func(*Answered)) Decision {
	w.says[key(n)] = all
	a := Answered{Key: key(n), Said: all, Selected: all, Consistent: true, Moved: true}
	for _, c := range change {
		c(&a)
	}
	return w.step(a)
}

// has is an answer with the instances from one number to another.
func (w *world) has(n, from, to int) Decision { return w.hears(n, some(n, from, to)) }

// pass lets time pass, second by second, and takes the second looks that are asked for.
func (w *world) pass(d time.Duration) {
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(min(time.Second, end.Sub(w.now)))
		for _, key := range w.step(Elapsed{}).Ask {
			if !w.g.Held(key) {
				w.t.Errorf("%v is asked for, and nothing of it is held", key)
			}
			w.step(Asked{key})
			if !w.mute {
				w.look(key)
			}
		}
	}
}

// look is the answer of a second look.
func (w *world) look(key catalog.ServiceKey) {
	w.looks++
	o := Second{}
	if w.g.WantsList(key) {
		o = *w.list
	}
	o.Elsewhere = w.elsewhere
	w.step(Answered{Key: key, Said: w.says[key], Selected: w.says[key], Consistent: true, Second: &o})
}

// until lets time pass until something is so, and says how many seconds that took.
func (w *world) until(what string, is func() bool) int {
	w.t.Helper()
	for n := range 10_000 {
		if is() {
			return n
		}
		w.pass(time.Second)
	}
	w.t.Fatalf("it never is so: %s", what)
	return 0
}

// size is how many instances are served of a service.
func (w *world) size(n int) int { return len(w.served[key(n)]) }

// all is how many instances are served.
func (w *world) all() (n int) {
	for _, s := range w.served {
		n += len(s)
	}
	return n
}

// is fails unless so many instances of a service are served, and what is held is held for these reasons.
func (w *world) is(what string, n, size int, why ...Reason) {
	w.t.Helper()
	var reasons []Reason
	for _, h := range w.g.Holds() {
		reasons = append(reasons, h.Why)
	}
	if w.size(n) != size || !slices.Equal(reasons, why) {
		w.t.Errorf("%s: %d instances are served, want %d; held is %v, want %v", what, w.size(n), size, reasons, why)
	}
}
