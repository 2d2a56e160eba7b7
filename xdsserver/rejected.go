package xdsserver

import (
	"cmp"
	"slices"

	"legate/translate"
)

// Rejected is a resource whose present state some client rejects.
type Rejected struct {
	translate.Name
	Node   string // of a client that rejects it; another one if that is not known
	Client string // the name in that client's certificate, else its address
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

// rejected are those of the names, which are of the table's type, whose present state some client rejected. It
// needs the store's lock for reading.
func (t *table) rejected(names []string) (all []string) {
	for _, name := range names {
		if e := t.entries[name]; e != nil && e.res != nil && e.rejected.Load() == e.seq {
			all = append(all, name)
		}
	}
	return all
}

// witness is an open stream's view of one type.
type witness struct {
	client, node string // see fault.go
	store        *store
	slot         int
	took         uint64            // the client has taken in all changes up to this one, but for what is parked
	waits        bool              // something it was sent is not answered yet
	why          string            // the last rejection, while something is parked
	parked       map[string]string // what is, and why; some of it
}

// witnesses are the open streams of a view, and of those derived from it, that follow a type.
func (c *callbacks) witnesses(view View, typeURL string) (all []witness) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, r := range c.streams {
		r.mu.Lock()
		for _, t := range r.types {
			if t.typeURL == typeURL && r.store != nil && r.store.view.sees(view) {
				all = append(all, witness{
					client: sane(cmp.Or(r.identity, r.address)), node: sane(r.id), store: r.store, slot: r.slot,
					took: t.took, waits: len(t.open) > 0, why: t.rejected, parked: t.parked,
				})
			}
		}
		r.mu.Unlock()
	}
	return all
}

// sees reports whether a view is the other one, or derived from it.
func (v View) sees(other View) bool {
	return v.Datacenter == other.Datacenter && v.Kind == other.Kind
}

// rejects reports whether the client rejects one of some names. If it rejects many resources at once, it is taken
// to reject each.
func (w *witness) rejects(names []string) bool {
	return w.why != "" && len(names) > 0 &&
		(len(w.parked) >= fewNames || slices.ContainsFunc(names, func(name string) bool { _, is := w.parked[name]; return is }))
}

// who says of each name that is rejected one client that rejects it: one of which that is known, if there is one.
// Without any, nobody rejects it any more.
func who(witnesses []witness, typeURL string, rejected map[*store][]string) (all []Rejected) {
	type at struct {
		store *store
		name  string // empty: any
	}
	by := map[at]Rejected{}
	for _, w := range witnesses {
		if w.why == "" {
			continue
		}
		for name, why := range w.parked {
			by[at{w.store, name}] = Rejected{Node: w.node, Client: w.client, Reason: why}
		}
		if len(w.parked) >= fewNames {
			by[at{w.store, ""}] = Rejected{Node: w.node, Client: w.client, Reason: w.why}
		}
	}
	told := map[string]bool{}
	for st, names := range rejected {
		for _, name := range names {
			one, is := by[at{st, name}]
			if !is {
				one, is = by[at{st, ""}]
			}
			if one.Name = (translate.Name{Type: typeURL, Name: name}); is && !told[name] {
				told[name] = true
				all = append(all, one)
			}
		}
	}
	slices.SortFunc(all, func(a, b Rejected) int { return cmp.Compare(a.Name.Name, b.Name.Name) })
	return all
}
