package xdsserver

import (
	"cmp"
	"slices"
	"time"
)

// How far a client is with a type is worked out when somebody asks, of what its subscription remembers anyway: what is
// not answered, what is owed, and up to which change everything was offered.

// progress is how far a client is with a type.
type progress struct {
	wants   int   // resources
	behind  int   // versions that it wants and has neither acknowledged nor rejected
	unsent  int   // those of them that it was not even sent
	waiting int64 // since when it waits for the oldest of them, in nanoseconds; 0: for none
	parked  int   // resources that it rejects
}

// wait counts versions that the client waits for.
func (p *progress) wait(n int, since int64) {
	if n == 0 {
		return
	}
	p.behind += n
	if p.waiting == 0 || since < p.waiting {
		p.waiting = since
	}
}

// progress needs the store's lock for reading, and the session's.
func (s *subscription) progress(now time.Time) (p progress) {
	t := s.table
	p.parked, p.wants = len(s.parked), s.named
	if s.wild {
		p.wants = len(t.live)
	}
	for _, d := range s.flight {
		n := len(d.entries)
		if d.all {
			n += p.wants
		}
		p.wait(n, d.waited)
	}
	answered := p.behind
	if s.all {
		p.wait(p.wants, now.UnixNano())
	}
	p.wait(s.stillOwed(), now.UnixNano())
	for _, part := range s.probes {
		p.wait(len(part), now.UnixNano())
	}
	for e := range t.versions(s.seq) {
		if t.concerns(e, s.slot) {
			p.wait(1, e.changed)
		}
	}
	p.unsent = p.behind - answered
	return p
}

// stillOwed is how many of the names that are owed the client still wants.
func (s *subscription) stillOwed() (n int) {
	for _, e := range s.owed {
		if s.table.concerns(s.table.current(e), s.slot) {
			n++
		}
	}
	return n
}

// versions yields the entry of each change after seq. If the log does not go back that far, it yields each entry that
// changed once.
func (t *table) versions(seq uint64) func(yield func(*entry) bool) {
	if seq < t.forgot {
		return t.changes(seq)
	}
	return func(yield func(*entry) bool) {
		i, _ := slices.BinarySearchFunc(t.log, seq+1, func(c change, seq uint64) int { return cmp.Compare(c.seq, seq) })
		for _, c := range t.log[i:] {
			if !yield(c.entry) {
				return
			}
		}
	}
}

// progressOf returns how far the session's client is with each type that it asks for, by type URL.
func (ss *session) progressOf(st *store) map[string]progress {
	now := time.Now()
	all := map[string]progress{}
	for i, t := range st.tables {
		st.mu.RLock() // for one type at a time, since a client that answers nothing may have missed many changes
		ss.state.Lock()
		if ss.subs != nil && ss.subs[i] != nil {
			all[t.typeURL] = ss.subs[i].progress(now)
		}
		ss.state.Unlock()
		st.mu.RUnlock()
	}
	return all
}

// with adds to the status of a type how far the client is.
func (t *TypeStatus) with(p progress) {
	t.Wants, t.Behind, t.Unsent, t.Waiting, t.RejectedCount = p.wants, p.behind, p.unsent, instant(p.waiting), p.parked
	if t.Behind > 0 && t.State == Synced { // its response is being made
		t.State, t.Since = Stale, t.Waiting
	}
}
