package xdsserver

import (
	"slices"
	"sync/atomic"
	"time"
)

// A resource that a client rejects may be good: the client may be old, broken or hostile. So no client
// decides for others, and each is offered what is new. A resource that a client rejects alone is
// quarantined on that client's stream, and the last version that some client accepted is served there
// instead, if there is one: so even a client that has just started has something. The quarantine ends when
// the resource changes, when the client accepts it after all, and with the stream.
//
// That a version was accepted is remembered for as long as the version is there, even if the client has
// left. A client that says on a new stream which versions it holds has accepted those, from whichever
// server it got them.

// rejection is a version of a resource that a client rejects alone.
type rejection struct {
	version, why string
	since        time.Time
	instead      *resource // what takes its place on the stream; nil: the client keeps what it has
}

// quarantine is what a client rejects alone, by name.
type quarantine map[string]rejection

// retain keeps the present version of an entry in case the next one is rejected.
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

// lastAccepted returns the last version before the present one that some client accepted, nil if there is
// none.
func (t *table) lastAccepted(e *entry) *resource {
	if e.prev != nil && e.prevAccepted.Load() {
		return e.prev
	}
	return e.good
}

// isAccepted reports whether some client accepted the present version of an entry.
func (t *table) isAccepted(e *entry) bool {
	return max(e.accepted.Load(), t.accepted.Load()) >= e.seq
}

// accept notes that a client, by its node, accepted what is in a response, except earlier versions. It needs the lock
// for reading.
func (t *table) accept(d delivery, now time.Time, by *string) {
	entries := d.entries
	switch {
	case d.all && len(d.instead) == 0:
		for e := range t.changes(min(t.accepted.Load(), d.seq)) { // others are accepted already, and did not change since
			e.accept(d, now, by)
		}
		raise(&t.accepted, d.seq)
	case d.all:
		entries = t.live
	}
	for _, e := range entries {
		if !slices.Contains(d.instead, e.name) {
			e.accept(d, now, by)
		}
	}
}

func (e *entry) accept(d delivery, now time.Time, by *string) {
	switch {
	case e.seq <= d.seq:
		raise(&e.accepted, e.seq)
		if d.changed || e.lastAck.Load() == 0 {
			if e.firstAck.CompareAndSwap(0, now.UnixNano()) {
				e.firstBy.Store(by)
			}
			e.lastAck.Store(now.UnixNano())
			e.lastBy.Store(by)
		}
	case e.prev != nil && e.prevSeq <= d.seq:
		e.prevAccepted.Store(true)
	}
}

// vouch notes that a client holds a version of an entry from an earlier stream, so it has accepted that.
func (s *subscription) vouch(e *entry, version string) {
	if res := s.at(e.res); res != nil && res.version == version {
		raise(&e.accepted, e.seq)
	}
}

func raise(a *atomic.Uint64, to uint64) {
	for old := a.Load(); old < to && !a.CompareAndSwap(old, to); old = a.Load() {
	}
}

// quarantine holds back the version of a resource that the client rejected alone. It needs the store's
// lock for reading.
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

// served returns what the stream gets for an entry, nil if it has to be told that there is no resource.
func (s *subscription) served(e *entry) *resource {
	if len(s.quarantined) > 0 {
		if r := s.quarantined[e.name]; r.instead != nil {
			return s.at(r.instead)
		}
	}
	return s.table.served(e, s.slot)
}

// at returns a resource as the stream gets it where its node stands.
func (s *subscription) at(r *resource) *resource { return s.table.at(r, s.slot) }

// servedID returns a number that identifies what served returns.
func (s *subscription) servedID(e *entry) uint64 {
	if len(s.quarantined) > 0 {
		if r := s.quarantined[e.name]; r.instead != nil {
			return s.at(r.instead).id
		}
	}
	return s.table.servedID(e, s.slot)
}

// substitutes returns the names of which a response has an earlier version.
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
