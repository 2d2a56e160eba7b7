package xdsserver

import (
	"slices"

	"legate/translate"
)

// Rejected is a resource whose present state some client rejects.
type Rejected struct {
	translate.Name
	Node   string // of a client that rejects it; another one if that is not known
	Reason string // what that client said
}

// noteRejected notes which states a client rejects, as far as they are the present ones. It needs the store's lock
// for reading.
func (t *table) noteRejected(names []string, d delivery) {
	for _, name := range names {
		if e := t.entries[name]; e != nil && e.seq <= d.seq && !slices.Contains(d.instead, name) {
			raise(&e.rejected, e.seq)
		}
	}
}

// Rejected returns those of the names in a view, and in those derived from it, that some client rejects now as
// they are. Where a client rejects several resources together, and they cannot be sent one by one, it is
// taken to reject each of them. It asks no client, and costs what the names are, or nothing while no client
// rejects anything.
func (s *Server) Rejected(view View, names []translate.Name) []Rejected {
	if s.rejecting.Load() == 0 {
		return nil
	}
	s.mu.RLock()
	var stores []*store
	for v, st := range s.stores {
		if v.Datacenter == view.Datacenter && v.Kind == view.Kind {
			stores = append(stores, st)
		}
	}
	s.mu.RUnlock()
	var all []Rejected
	for _, st := range stores {
		for _, n := range st.rejected(names) {
			if who, is := s.callbacks.whoRejects(st, n); is && !slices.ContainsFunc(all, func(r Rejected) bool { return r.Name == n }) {
				all = append(all, who)
			}
		}
	}
	return all
}

// rejected are those of the names whose present state some client rejected.
func (s *store) rejected(names []translate.Name) (all []translate.Name) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, n := range names {
		if t := s.table(n.Type); t != nil {
			if e := t.entries[n.Name]; e != nil && e.res != nil && e.rejected.Load() == e.seq {
				all = append(all, n)
			}
		}
	}
	return all
}

// whoRejects is an open stream of the store on which something of the name's type is parked: the one on which
// it is the name itself, if that is known. Without any, nobody rejects it any more.
func (c *callbacks) whoRejects(st *store, n translate.Name) (who Rejected, is bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, r := range c.streams {
		r.mu.Lock()
		for _, t := range r.types {
			if r.store != st || t.typeURL != n.Type || t.rejected == "" {
				continue
			}
			why, known := t.parked[n.Name]
			if !known {
				why = t.rejected
			}
			if !is || known {
				who, is = Rejected{n, sane(r.id), why}, true
			}
		}
		r.mu.Unlock()
	}
	return who, is
}
