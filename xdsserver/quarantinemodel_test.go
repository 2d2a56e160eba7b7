package xdsserver

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"legate/translate"
)

// Clients accept and reject what they were sent, in any order and however late. What is kept back, what is
// served instead, and who rejected it are as a plain model says.
func TestWhatIsKeptBackIsWhatTheModelSays(t *testing.T) {
	for seed := range uint64(60) {
		p := &judging{t: t, random: rand.New(rand.NewPCG(seed, 3)), names: map[string]*judged{}, store: newStore(own)}
		for _, name := range modelNames[:3] {
			p.names[name] = &judged{}
		}
		for step := range 300 {
			p.step()
			if p.look(); t.Failed() {
				t.Fatalf("seed %d, step %d", seed, step)
			}
		}
	}
}

// judged is a name: its state, the one before it as long as nobody has accepted that, and the last one that
// somebody accepted.
type judged struct {
	now, before, good *judgedState
	old               bool // there since the start
}

type judgedState struct {
	version  string
	accepted bool
	bad      bool
	nodes    set // that rejected it
}

// served is what clients get.
func (j *judged) served() *judgedState {
	if j.now != nil && j.now.bad {
		return j.good
	}
	return j.now
}

func (j *judged) set(s *judgedState, first bool) {
	if s == nil || j.now == nil {
		j.good, j.before, j.old = nil, nil, first
	} else if !j.now.bad {
		j.before = j.now
		if j.now.accepted {
			j.good, j.before = j.now, nil
		}
	}
	j.now = s
}

// accept: somebody took a state, which ends its quarantine.
func (j *judged) accept(s *judgedState) {
	switch s {
	case nil:
	case j.now:
		s.accepted, s.bad, s.nodes = true, false, set{}
	case j.before:
		j.good, j.before = s, nil
	}
}

func (j *judged) reject(s *judgedState, node string) {
	if s == nil || s != j.now || s.accepted {
		return
	}
	s.nodes[node] = true
	if len(s.nodes) >= 2 && !s.bad && (j.good != nil || !j.old) {
		s.bad, j.before = true, nil
	}
}

// judgedDelivery is a response that is not answered yet: what was in it.
type judgedDelivery struct {
	delivery
	states map[string]*judgedState
}

type judging struct {
	t       *testing.T
	random  *rand.Rand
	store   *store
	names   map[string]*judged
	open    []judgedDelivery
	batches int
}

func (p *judging) table() *table { return p.store.table(eds) }

func (p *judging) some() []string {
	names := slices.Sorted(maps.Keys(p.names))
	p.random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	return names[:1+p.random.IntN(len(names))]
}

func (p *judging) step() {
	switch n := p.random.IntN(20); {
	case n < 4 || p.batches == 0:
		p.publish()
	case n < 10:
		p.deliver()
	case n < 11:
		p.vouch()
	case len(p.open) > 0:
		p.answer()
	}
}

func (p *judging) publish() {
	p.batches++
	var batch translate.Batch
	for _, name := range p.some()[:1] {
		if p.random.IntN(6) == 0 {
			batch.Gone = append(batch.Gone, translate.Name{Type: eds, Name: name})
			p.names[name].set(nil, false)
			continue
		}
		r := assignment(name, 1+p.random.IntN(3))
		batch.Set = append(batch.Set, r)
		p.names[name].set(&judgedState{version: r.Version, nodes: set{}}, p.batches == 1)
	}
	p.store.publish(batch, time.Now())
}

func (p *judging) deliver() {
	t := p.table()
	d := judgedDelivery{delivery{seq: t.seq}, map[string]*judgedState{}}
	names := p.some()
	if d.all = p.random.IntN(3) == 0; d.all {
		names = slices.Collect(maps.Keys(p.names))
	}
	for _, name := range names {
		d.states[name] = p.names[name].served()
		if e := t.entries[name]; e != nil && !d.all {
			d.entries = append(d.entries, e)
		}
	}
	p.open = append(p.open, d)
}

// vouch: a client comes with what it holds.
func (p *judging) vouch() {
	name, version := p.some()[0], fmt.Sprint("v", 1+p.random.IntN(3))
	if e := p.table().entries[name]; e != nil && p.table().vouch(e, version) {
		p.store.clear(p.table(), []string{name})
	}
	if j := p.names[name]; j.now != nil && j.now.version == version {
		j.accept(j.now)
	}
}

func (p *judging) answer() {
	i := p.random.IntN(len(p.open))
	d := p.open[i]
	p.open = slices.Delete(p.open, i, i+1)
	if p.random.IntN(5) == 0 {
		p.store.clear(p.table(), p.table().accept(d.delivery))
		for name, s := range d.states {
			p.names[name].accept(s)
		}
		return
	}
	for range 1 + p.random.IntN(4) { // so many were sent it
		p.reject(d)
	}
}

func (p *judging) reject(d judgedDelivery) {
	name, node := p.some()[0], fmt.Sprint("node-", p.random.IntN(4))
	s, was := d.states[name]
	if !was {
		return
	}
	j := p.names[name]
	before := j.now != nil && j.now.bad
	j.reject(s, node)
	became := !before && j.now != nil && j.now.bad
	if got := p.store.refuse(p.table(), name, node, "no", d.seq, 2); got != became {
		p.t.Errorf("%s: quarantined %v, should be %v", name, got, became)
	}
}

func (p *judging) look() {
	var kept []Quarantine
	for _, name := range slices.Sorted(maps.Keys(p.names)) {
		j := p.names[name]
		var got *resource
		if e := p.table().entries[name]; e != nil {
			got = e.current()
		}
		if want := j.served(); (got == nil) != (want == nil) || got != nil && got.version != want.version {
			p.t.Errorf("%s: served %v, should be %v", name, got, want)
		}
		if j.now != nil && j.now.bad {
			q := Quarantine{Type: eds, Name: name, Version: j.now.version, Nodes: j.now.nodes.sorted(), Reason: "no"}
			if j.good != nil {
				q.Serving = j.good.version
			}
			kept = append(kept, q)
		}
	}
	got := p.table().quarantines()
	if len(got) != len(kept) {
		p.t.Errorf("%d are kept back, should be %d", len(got), len(kept))
		return
	}
	for i, q := range got {
		if q.Since = (time.Time{}); fmt.Sprint(q) != fmt.Sprint(kept[i]) {
			p.t.Errorf("%+v, should be %+v", q, kept[i])
		}
	}
}
