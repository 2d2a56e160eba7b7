package xdsserver

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"legate/translate"
)

// Delivery is how far the present state of a resource has come in a view.
type Delivery struct {
	View    View           `json:"view"`
	Name    translate.Name `json:"-"`
	Version string         `json:"version,omitempty"` // empty: Consul has it no more, and clients are to hear of that
	Changed time.Time      `json:"changed"`           // when that was published
	// FirstSent is when some client was sent it first, LastAck when one that had to hear of the change acknowledged it last.
	FirstSent time.Time `json:"first_sent,omitzero"`
	LastAck   time.Time `json:"last_ack,omitzero"`
	// Of the streams that ask for it, so many have acknowledged this very version, were sent it and have not answered, were
	// not sent it yet, and reject it.
	Streams      int `json:"streams"`
	Acknowledged int `json:"acknowledged"`
	InFlight     int `json:"in_flight"`
	NotSent      int `json:"not_sent"`
	Rejected     int `json:"rejected"`
	// Missing are those that have not acknowledged it: who rejects it first, then who waits longest; some, if they are many.
	Missing []Awaited `json:"missing,omitempty"`
}

// Awaited is a stream that has not acknowledged the present version of a resource.
type Awaited struct {
	Stream   string    `json:"stream"` // its id
	Node     string    `json:"node"`
	Peer     string    `json:"peer"`
	Identity string    `json:"identity,omitempty"`
	State    State     `json:"state"` // STALE: it was sent
	Since    time.Time `json:"since"`
	Why      string    `json:"why,omitempty"` // in the client's words, if it rejects it
}

// Deliveries says how far the resources have come that have these names and were ever there, by view, in the order of
// the names. At most so many streams of each are listed that have not acknowledged it.
func (s *Server) Deliveries(names []translate.Name, most int) []Delivery {
	s.mu.RLock()
	stores := make([]*store, 0, len(s.stores))
	for _, st := range s.stores {
		stores = append(stores, st)
	}
	s.mu.RUnlock()
	slices.SortFunc(stores, func(a, b *store) int { return cmp.Compare(a.view.String(), b.view.String()) })
	records := s.callbacks.records()
	var all []Delivery
	for _, st := range stores {
		q := st.inquire(names, most)
		for _, r := range records {
			r.tell(st, q)
		}
		all = append(all, q.done()...)
	}
	return all
}

// inquiry is a walk through the streams of a store, to see how far some resources have come.
type inquiry struct {
	most  int
	found []Delivery
	of    map[*entry]int // where its entry's is in found
}

// inquire begins with what the store itself knows.
func (s *store) inquire(names []translate.Name, most int) *inquiry {
	q := &inquiry{most: most, of: map[*entry]int{}}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, n := range names {
		t := s.table(n.Type)
		if t == nil {
			continue
		}
		e := t.entries[n.Name]
		if e == nil || e.seq == 0 {
			continue
		}
		d := Delivery{View: s.view, Name: n, Changed: instant(e.changed), FirstSent: instant(e.firstSent.Load()), LastAck: instant(e.lastAck.Load())}
		if e.res != nil {
			d.Version = e.res.version
		}
		q.of[e] = len(q.found)
		q.found = append(q.found, d)
	}
	return q
}

// tell counts a stream, if it is one of the store.
func (r *streamRecord) tell(st *store, q *inquiry) {
	r.mu.Lock()
	ss, in := r.session, r.store == st
	r.mu.Unlock()
	if !in || len(q.found) == 0 {
		return
	}
	where := ss.standings(st, q.of)
	r.mu.Lock()
	defer r.mu.Unlock()
	for e, is := range where {
		q.add(q.of[e], is, r)
	}
}

// add counts a stream. It needs the record's lock.
func (q *inquiry) add(i int, is standing, r *streamRecord) {
	d := &q.found[i]
	d.Streams++
	switch is.state {
	case Synced:
		d.Acknowledged++
		return
	case Stale:
		d.InFlight++
	case NotSent:
		d.NotSent++
	case Nacked:
		d.Rejected++
		if is.why == "" {
			is.why = r.of(d.Name.Type).rejected
		}
	}
	if q.most > 0 {
		d.Missing = append(d.Missing, Awaited{
			Stream: r.stream.ID, Node: sane(r.id), Peer: r.peer, Identity: sane(r.identity),
			State: is.state, Since: later(is.since, r.opened), Why: is.why,
		})
	}
}

// later is the later one of when something was due and when the stream came.
func later(since int64, opened time.Time) time.Time {
	if at := instant(since); at.After(opened) {
		return at
	}
	return opened
}

func (q *inquiry) done() []Delivery {
	for i := range q.found {
		d := &q.found[i]
		slices.SortFunc(d.Missing, func(a, b Awaited) int {
			return cmp.Or(cmp.Compare(a.State.urgency(), b.State.urgency()), a.Since.Compare(b.Since), strings.Compare(a.Node, b.Node), strings.Compare(a.Stream, b.Stream))
		})
		d.Missing = d.Missing[:min(len(d.Missing), q.most)]
	}
	return q.found
}

// urgency sorts what needs somebody first.
func (s State) urgency() int {
	return slices.Index([]State{Nacked, Stale, NotSent, Synced}, s)
}

// standing is how a stream stands with the present version of a resource.
type standing struct {
	state State
	since int64 // in nanoseconds
	why   string
}

// standings returns how the session stands with those of the entries that it asks for.
func (ss *session) standings(st *store, asked map[*entry]int) map[*entry]standing {
	st.mu.RLock()
	defer st.mu.RUnlock()
	ss.state.Lock()
	defer ss.state.Unlock()
	all := map[*entry]standing{}
	for _, sub := range ss.subs {
		if sub != nil {
			sub.standings(asked, all)
		}
	}
	return all
}

// standings adds the entries that the stream asks for. It needs the store's lock for reading, and the session's.
func (s *subscription) standings(asked map[*entry]int, all map[*entry]standing) {
	wants := func(e *entry) bool { return s.table.concerns(e, s.slot) && s.table.entries[e.name] == e }
	own := func(e *entry) bool {
		_, is := asked[e]
		return is && wants(e)
	}
	for e := range asked {
		if wants(e) {
			all[e] = s.standing(e)
		}
	}
	unless := func(e *entry, is standing) { // it is known to be otherwise
		if e = s.table.current(e); own(e) && all[e].state == Synced {
			all[e] = is
		}
	}
	for _, d := range s.flight {
		for _, e := range d.entries {
			if e.seq <= d.seq {
				unless(e, standing{state: Stale, since: d.made})
			}
		}
		if d.all {
			for e := range all {
				if e.seq <= d.seq {
					unless(e, standing{state: Stale, since: d.made})
				}
			}
		}
	}
	for _, e := range s.owed {
		unless(e, standing{state: NotSent, since: e.changed})
	}
	for _, part := range s.probes {
		for _, name := range part {
			if e := s.table.entries[name]; e != nil {
				unless(e, standing{state: NotSent, since: e.changed})
			}
		}
	}
	if s.all {
		for e := range all {
			unless(e, standing{state: NotSent, since: e.changed})
		}
	}
}

// standing is how the stream stands with an entry, as far as the numbers of changes and the rejections say.
func (s *subscription) standing(e *entry) standing {
	if e.seq > s.seq {
		return standing{state: NotSent, since: e.changed}
	}
	if why, rejects := s.parked[e.name]; rejects || s.lost {
		since := e.changed
		if alone, is := s.quarantined[e.name]; is {
			since = alone.since.UnixNano()
		}
		return standing{state: Nacked, since: since, why: why}
	}
	return standing{state: Synced}
}
