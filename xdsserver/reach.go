package xdsserver

import "math/bits"

// Reach is how many streams ask for the cluster of a name or for its endpoints, and how many of these have acknowledged
// all that they ask for of it as it is now.
type Reach struct{ Streams, Have int }

// Reach is that of each cluster that is served, by its name. It costs a look at each stream and one at each name, not one
// at each name of each stream.
func (s *Server) Reach() map[string]Reach {
	s.mu.RLock()
	stores := make([]*store, 0, len(s.stores))
	for _, st := range s.stores {
		stores = append(stores, st)
	}
	s.mu.RUnlock()
	records := s.callbacks.records()
	all := map[string]Reach{}
	for _, st := range stores {
		lacks := map[*table]*lacking{}
		for _, t := range st.tables {
			lacks[t] = &lacking{of: map[*entry]bitset{}, shared: map[sharedEntries]*delivered{}}
		}
		var seen bitset
		for _, r := range records {
			r.mu.Lock()
			ss, in := r.session, r.store == st
			r.mu.Unlock()
			if in && ss.lacks(lacks) {
				seen.set(ss.slot)
			}
		}
		st.reach(all, lacks, seen)
	}
	return all
}

// lacking says which streams do not have something of a type, by their slots.
type lacking struct {
	all    bitset            // they have acknowledged nothing of it
	of     map[*entry]bitset // or not this
	shared map[sharedEntries]*delivered
}

// delivered are the entries of a response, and which streams have not answered it.
type delivered struct {
	entries []*entry
	streams bitset
}

// sharedEntries are those of a response that went to many streams, which share the array.
type sharedEntries struct {
	first **entry
	count int
	seq   uint64
}

// lacks adds what the client has not acknowledged, and reports whether its stream is open.
func (ss *session) lacks(lacks map[*table]*lacking) (open bool) {
	ss.store.mu.RLock()
	defer ss.store.mu.RUnlock()
	ss.state.Lock()
	defer ss.state.Unlock()
	for _, sub := range ss.subs {
		if sub != nil {
			sub.lacks(lacks[sub.table])
		}
	}
	return ss.subs != nil
}

// lacks needs the store's lock for reading, and the session's.
func (s *subscription) lacks(l *lacking) {
	if s.lost || s.all {
		l.all.set(s.slot)
		return
	}
	one := func(e *entry) {
		b := l.of[e]
		b.set(s.slot)
		l.of[e] = b
	}
	named := func(name string) {
		if e := s.table.entries[name]; e != nil {
			one(e)
		}
	}
	for _, d := range s.flight {
		if d.all {
			l.all.set(s.slot)
			return
		}
		if len(d.entries) > 0 {
			key := sharedEntries{&d.entries[0], len(d.entries), d.seq}
			if l.shared[key] == nil {
				l.shared[key] = &delivered{entries: d.entries}
			}
			l.shared[key].streams.set(s.slot)
		}
	}
	for _, e := range s.owed {
		one(s.table.current(e))
	}
	for _, part := range s.probes {
		for _, name := range part {
			named(name)
		}
	}
	for name := range s.parked {
		named(name)
	}
	for e := range s.table.changes(s.seq) {
		one(e)
	}
}

// reach adds that of each cluster of the view, for the streams that were seen.
func (s *store) reach(all map[string]Reach, lacks map[*table]*lacking, seen bitset) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, t := range s.tables {
		l := lacks[t]
		for key, d := range l.shared {
			for _, e := range d.entries {
				if e = t.current(e); e.seq <= key.seq { // else it has changed since, and that is due
					b := l.of[e]
					b.add(d.streams)
					l.of[e] = b
				}
			}
		}
	}
	for _, t := range s.tables {
		if t.brings != "" {
			t.reach(s.table(t.brings), all, lacks, seen)
		}
	}
}

// reach adds that of each resource of the table, together with the one of the same name that it brings.
func (t *table) reach(brought *table, all map[string]Reach, lacks map[*table]*lacking, seen bitset) {
	for _, c := range t.live {
		r, e := all[c.name], brought.entries[c.name]
		lacksIt, lacksBrought := lacks[t].of[c], lacks[brought].of[e]
		for i, open := range seen {
			asked := (t.wild.word(i) | c.named.word(i)) & open
			lack := asked & (lacks[t].all.word(i) | lacksIt.word(i))
			if e != nil {
				more := (brought.wild.word(i) | e.named.word(i)) & open
				lack |= more & (lacks[brought].all.word(i) | lacksBrought.word(i))
				asked |= more
			}
			r.Streams += bits.OnesCount64(asked)
			r.Have += bits.OnesCount64(asked &^ lack)
		}
		all[c.name] = r
	}
}
