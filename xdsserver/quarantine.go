package xdsserver

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"
)

// A resource that one client rejects may be good: the client may be old or odd. It stays parked
// on that client's streams. When several nodes reject the same state of it and no client of the
// view has accepted that state, it is quarantined for the view: clients get the last state that
// was accepted, or none, until Consul has another one.
//
// Acceptance is remembered for as long as the state is there, whoever has left meanwhile. A client
// that says on a new stream which versions it holds has accepted those, from whomever it got them.
// One that cannot say so may hold what was there before this server: that is never left out.

// refusal is what is known against the present state of a resource.
type refusal struct {
	of    uint64              // seq of that state
	nodes map[string]struct{} // that rejected it: the first few, and as many as it takes to quarantine it
	why   string              // what the last one said
	since time.Time
	bad   bool // quarantined
}

// by notes that a node rejects the state. An id is what a client likes it to be, and outlives its
// stream here: so no more of them are kept than are of use.
func (r *refusal) by(node, why string, most int) {
	r.why = why
	if len(r.nodes) < max(most, fewNames) {
		r.nodes[node] = struct{}{}
	}
}

// current is what is served to all who want the entry: nil if Consul has none, or if it is
// quarantined and never was accepted before.
func (e *entry) current() *resource {
	if e.isBad() {
		return e.good
	}
	return e.res
}

// retain keeps the present resource of an entry for the case that the next one is rejected.
func (t *table) retain(e *entry, next *resource) {
	t.settle(e)
	switch {
	case next == nil || e.res == nil:
		e.good, e.prev = nil, nil
	case e.isBad(): // what was served instead goes on being the good one
	case t.isAccepted(e):
		e.good, e.prev = e.res, nil
	default:
		e.prev, e.prevSeq = e.res, e.seq
	}
}

// settle makes the resource before the present one the good one, if it was accepted meanwhile.
func (t *table) settle(e *entry) {
	if e.prev != nil && max(e.accepted.Load(), t.accepted.Load()) >= e.prevSeq {
		e.good, e.prev = e.prev, nil
	}
}

// isBad reports whether the entry is quarantined.
func (e *entry) isBad() bool { return e.refusal != nil && e.refusal.bad }

func (t *table) isAccepted(e *entry) bool {
	if e.isBad() {
		return false
	}
	return max(e.accepted.Load(), t.accepted.Load()) >= e.seq
}

// accept notes that a client took a response. It returns the quarantined names that were in it
// before they were: somebody can use them after all. It needs the lock for reading.
func (t *table) accept(d delivery) (cleared []string) {
	if d.all {
		raise(&t.accepted, d.seq)
		for e := range t.quarantined {
			if e.wasBefore(d) {
				cleared = append(cleared, e.name)
			}
		}
	}
	t.took()
	for _, e := range d.entries {
		switch {
		case e.wasBefore(d):
			cleared = append(cleared, e.name)
		case e.seq <= d.seq:
			raise(&e.accepted, e.seq)
		case e.prev != nil && e.prevSeq <= d.seq:
			raise(&e.accepted, e.prevSeq)
		}
	}
	return cleared
}

// wasBefore reports whether a delivery had the state that is quarantined since.
func (e *entry) wasBefore(d delivery) bool {
	return e.isBad() && d.seq >= e.refusal.of && d.seq < e.seq
}

// vouch notes that a client holds this version of an entry from an earlier stream, so that it has
// accepted it. It reports whether that is the one that is quarantined: see accept.
func (t *table) vouch(e *entry, version string) (cleared bool) {
	if e.res == nil || e.res.version != version {
		return false
	}
	t.took()
	if e.isBad() {
		return true
	}
	raise(&e.accepted, e.seq)
	return false
}

// took notes that some client accepted something.
func (t *table) took() {
	if !t.taken.Load() {
		t.taken.Store(true)
	}
}

func raise(a *atomic.Uint64, to uint64) {
	for old := a.Load(); old < to && !a.CompareAndSwap(old, to); old = a.Load() {
	}
}

// refuse notes that a node rejected a resource that was sent as of change sent, and reports
// whether it is quarantined now, as change number seq.
func (t *table) refuse(name, node, why string, sent, seq uint64, most int) bool {
	e := t.entries[name]
	if e != nil && e.isBad() && sent >= e.refusal.of && sent < e.seq { // it was sent that state before
		e.refusal.by(node, why, most)
	}
	if e == nil || e.res == nil || e.seq > sent || t.isAccepted(e) || e.isBad() {
		return false
	}
	if e.refusal == nil {
		e.refusal = &refusal{of: e.seq, nodes: map[string]struct{}{}, since: time.Now()}
	}
	e.refusal.by(node, why, most)
	if len(e.refusal.nodes) < most {
		return false
	}
	t.settle(e)
	if e.good == nil && e.first <= firstBatch {
		return false
	}
	e.prev = nil // nobody accepted it, and who accepts what is served now does not either
	t.change(e, seq, func() { e.refusal.bad = true })
	t.quarantined[e] = struct{}{}
	return true
}

// clear ends a quarantine, as change number seq.
func (t *table) clear(name string, seq uint64) *entry {
	e := t.entries[name]
	if e == nil || !e.isBad() {
		return nil
	}
	t.change(e, seq, func() { e.refusal = nil })
	delete(t.quarantined, e)
	e.accepted.Store(seq)
	return e
}

// Quarantine is a resource that is kept back from a view.
type Quarantine struct {
	Type    string    `json:"type"` // URL
	Name    string    `json:"name"`
	Version string    `json:"version"`           // the one that is kept back
	Serving string    `json:"serving,omitempty"` // the one that is served instead; empty: none
	Nodes   []string  `json:"nodes"`             // that rejected it: some, if they are many
	Reason  string    `json:"reason"`            // what the last of them said
	Since   time.Time `json:"since"`
}

func (t *table) quarantines() []Quarantine {
	list := make([]Quarantine, 0, len(t.quarantined))
	for e := range t.quarantined {
		q := Quarantine{Type: t.typeURL, Name: e.name, Version: e.res.version, Reason: e.refusal.why, Since: e.refusal.since}
		for node := range e.refusal.nodes {
			q.Nodes = append(q.Nodes, node)
		}
		slices.Sort(q.Nodes)
		if e.good != nil {
			q.Serving = e.good.version
		}
		list = append(list, q)
	}
	slices.SortFunc(list, func(a, b Quarantine) int { return cmp.Compare(a.Name, b.Name) })
	return list
}
