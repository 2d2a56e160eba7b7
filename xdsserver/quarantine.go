package xdsserver

import (
	"slices"
	"sync/atomic"
	"time"
)

// A resource that a client rejects may be good: the client may be old or odd, or mean ill. So nobody
// decides for others. Each client is offered what is new. What it rejects alone is quarantined on its
// own stream, and the last state that some client accepted takes its place there, if there is one: a
// client that has just started has that at least, be it the only one or one of many behind an address.
// It ends when the resource changes, when the client accepts it after all, and with the stream.
//
// Acceptance is remembered for as long as the state is there, whoever has left meanwhile. A client
// that says on a new stream which versions it holds has accepted those, from whomever it got them.

// rejection is a state of a resource that a client rejects alone.
type rejection struct {
	version, why string
	since        time.Time
	instead      *resource // what takes its place on the stream; nil: the client keeps what it has
}

// quarantine is what a client rejects alone, by name.
type quarantine map[string]rejection

// retain keeps the present resource of an entry for the case that the next one is rejected.
func (t *table) retain(e *entry, next *resource) {
	e.good = t.lastAccepted(e)
	switch {
	case next == nil || e.res == nil:
		e.good, e.prev = nil, nil
	case t.isAccepted(e):
		e.good, e.prev = e.res, nil
	default:
		e.prev, e.prevSeq = e.res, e.seq
		e.prevAccepted.Store(false)
	}
}

// lastAccepted is the last state of an entry before the present one that some client accepted; nil
// if there is none.
func (t *table) lastAccepted(e *entry) *resource {
	if e.prev != nil && e.prevAccepted.Load() {
		return e.prev
	}
	return e.good
}

// isAccepted reports whether some client accepted the present state of an entry.
func (t *table) isAccepted(e *entry) bool {
	return max(e.accepted.Load(), t.accepted.Load()) >= e.seq
}

// accept notes that a client took a response, but for the earlier states that were in it. It needs
// the lock for reading.
func (t *table) accept(d delivery) {
	entries := d.entries
	switch {
	case d.all && len(d.instead) == 0:
		raise(&t.accepted, d.seq)
		for e := range t.changes(d.seq) { // since it was sent
			e.accept(d)
		}
	case d.all:
		entries = t.live
	}
	for _, e := range entries {
		if !slices.Contains(d.instead, e.name) {
			e.accept(d)
		}
	}
}

func (e *entry) accept(d delivery) {
	switch {
	case e.seq <= d.seq:
		raise(&e.accepted, e.seq)
	case e.prev != nil && e.prevSeq <= d.seq:
		e.prevAccepted.Store(true)
	}
}

// vouch notes that a client holds this version of an entry from an earlier stream, so that it has
// accepted it.
func (t *table) vouch(e *entry, version string) {
	if e.res != nil && e.res.version == version {
		raise(&e.accepted, e.seq)
	}
}

func raise(a *atomic.Uint64, to uint64) {
	for old := a.Load(); old < to && !a.CompareAndSwap(old, to); old = a.Load() {
	}
}

// quarantine holds the state of a resource back that the client rejected alone. It needs the
// store's lock for reading.
func (s *subscription) quarantine(name, why string, d delivery) {
	s.park([]string{name}, why)
	e := s.table.entries[name]
	if e == nil || e.res == nil || e.seq > d.seq || len(s.quarantined) >= maxParked {
		return // what is there now is on its way, or the client is odd itself
	}
	if before, is := s.quarantined[name]; is && before.version == e.res.version {
		return // it was sent more than once
	}
	r := rejection{version: e.res.version, why: why, since: time.Now(), instead: s.table.lastAccepted(e)}
	if r.instead != nil {
		s.owed = append(s.owed, e)
	}
	if s.quarantined == nil {
		s.quarantined = quarantine{}
	}
	s.quarantined[name] = r
}

// served is what the stream gets for an entry: nil if it has to be told that there is none.
func (s *subscription) served(e *entry) *resource {
	if len(s.quarantined) > 0 {
		if r := s.quarantined[e.name]; r.instead != nil {
			return r.instead
		}
	}
	return s.table.served(e, s.slot)
}

// servedID is a number that stands for that.
func (s *subscription) servedID(e *entry) uint64 {
	if len(s.quarantined) > 0 {
		if r := s.quarantined[e.name]; r.instead != nil {
			return r.instead.id
		}
	}
	return s.table.servedID(e, s.slot)
}

// substitutes are the names of which a response has an earlier state.
func (s *subscription) substitutes(entries []*entry) (names []string) {
	if len(s.quarantined) == 0 {
		return nil
	}
	if s.whole {
		entries = s.table.live
	}
	for _, e := range entries {
		if s.quarantined[e.name].instead != nil {
			names = append(names, e.name)
		}
	}
	return names
}
