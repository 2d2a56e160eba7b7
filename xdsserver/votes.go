package xdsserver

import "legate/translate"

// A change that clients reject may be bad, or the clients are. One client alone cannot tell, and no client
// decides for others. So clients are counted, each once, told apart as in fault.go: those that reject something of
// the change, and those that took something of it and reject nothing. Behind one address or certificate there may
// be several clients; if they disagree, they count for neither side.

// Votes is what the clients say of resources as they are now. Clients that were not sent any of them, or have
// not answered yet, are silent.
type Votes struct {
	Rejected []Rejected // of the resources, each with one of the clients that reject it

	// Of the type against which most is said.
	Against int // how many clients reject something of it
	For     int // how many have taken something of it, and reject nothing
	Silent  int
}

// Votes returns what the clients of a view, and of those derived from it, say of resources as they are now.
// It asks no client, and costs what the names and the streams are, or nothing while no client rejects anything.
func (s *Server) Votes(view View, names []translate.Name) Votes {
	var all Votes
	if s.rejecting.Load() == 0 {
		return all
	}
	for _, kind := range resourceTypes {
		var of []string
		for _, n := range names {
			if n.Type == kind.typeURL {
				of = append(of, n.Name)
			}
		}
		v := votes(s.callbacks.witnesses(view, kind.typeURL), kind.typeURL, of)
		if len(v.Rejected) == 0 {
			continue
		}
		both := append(all.Rejected, v.Rejected...)
		if all.Against == 0 || v.Against-v.For > all.Against-all.For {
			all = v
		}
		all.Rejected = both
	}
	return all
}

// vote is what the streams of one client say.
type vote struct{ against, accepts bool }

// votes counts what witnesses say of names of their type.
func votes(witnesses []witness, typeURL string, names []string) (all Votes) {
	rejected, takers := map[*store][]string{}, map[*store]bitset{}
	for _, w := range witnesses {
		if _, known := takers[w.store]; !known {
			rejected[w.store], takers[w.store] = w.store.answers(witnesses, typeURL, names)
		}
	}
	clients := map[string]vote{}
	for _, w := range witnesses {
		v := clients[w.client]
		if w.rejects(rejected[w.store]) {
			v.against = true
		} else if takers[w.store].has(w.slot) {
			v.accepts = true
		}
		clients[w.client] = v
	}
	for _, v := range clients {
		switch {
		case v.against && !v.accepts:
			all.Against++
		case v.accepts && !v.against:
			all.For++
		case !v.against:
			all.Silent++
		}
	}
	all.Rejected = who(witnesses, typeURL, rejected)
	return all
}

// mostAsked bounds how often votes ask whether a stream has taken a resource that it wants: some milliseconds. Streams
// that were asked about that many and have taken none are silent.
const mostAsked = 200_000

// answers returns which of the names some stream rejected as they are now, and the slots of the streams that have
// taken one of them, or more, and have answered all that they were sent.
func (s *store) answers(witnesses []witness, typeURL string, names []string) (rejected []string, takers bitset) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t := s.table(typeURL)
	if rejected = t.rejected(names); len(rejected) == 0 {
		return nil, nil
	}
	var entries []*entry
	least := t.seq
	for _, name := range names {
		if e := t.entries[name]; e != nil && e.res != nil {
			entries, least = append(entries, e), min(least, e.seq)
		}
	}
	took, open := make([]uint64, len(s.wakers)), bitset{} // open: for these it is not known yet
	for _, w := range witnesses {
		if w.store == s && w.slot < len(took) && !w.waits && w.took >= least {
			took[w.slot] = w.took
			open.set(w.slot)
		}
	}
	asked := 0
	for _, e := range entries {
		for slot := range open.within(e.named, t.wild) {
			if took[slot] >= e.seq {
				takers.set(slot)
				open.clear(slot)
			}
			asked++
		}
		if asked > mostAsked {
			break
		}
	}
	return rejected, takers
}
