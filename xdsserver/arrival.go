package xdsserver

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"legate/translate"
)

// Publication are names that were published together.
type Publication struct {
	At    time.Time // of the batch, see translate.Batch
	Names []translate.Name
}

// Arrival is how far one publication of a resource has come in a view: with the streams that asked for it when it was
// published. Who came later got what there was then, and that says nothing of a change.
type Arrival struct {
	Name translate.Name `json:"-"`
	View View           `json:"view"`
	// FirstSent is when some client was sent it first, LastAck when one that had to hear of it acknowledged it last.
	FirstSent time.Time `json:"first_sent,omitzero"`
	LastAck   time.Time `json:"last_ack,omitzero"`
	// FirstAck is when one that had to hear of it acknowledged it first. FirstAckBy and LastAckBy are the nodes of these.
	FirstAck   time.Time `json:"-"`
	FirstAckBy string    `json:"-"`
	LastAckBy  string    `json:"-"`
	// Asked is how many streams asked for it when it was published. Of these, Left have ended or no longer ask for it, and
	// MissingCount have not acknowledged it: all others have.
	Asked        int `json:"asked"`
	Left         int `json:"left"`
	MissingCount int `json:"missing_count"`
	// Missing are some of those that have not acknowledged it.
	Missing []Awaited `json:"missing,omitempty"`
	// Overtaken is when the resource changed again; zero: it is as it was published. From then on nothing of the
	// Arrival changes.
	Overtaken time.Time `json:"overtaken,omitzero"`
}

// Acknowledged is how many streams have it, or had it when it was overtaken.
func (a Arrival) Acknowledged() int { return a.Asked - a.Left - a.MissingCount }

// Arrivals says of each publication how far its names have come, by view. What is not remembered any more, and what was
// not in that publication, is left out. At most so many streams are listed of each that have not acknowledged it. It walks
// through no streams but these.
func (s *Server) Arrivals(all []Publication, most int) [][]Arrival {
	s.mu.RLock()
	stores := make([]*store, 0, len(s.stores))
	for _, st := range s.stores {
		stores = append(stores, st)
	}
	s.mu.RUnlock()
	slices.SortFunc(stores, func(a, b *store) int { return cmp.Compare(a.view.String(), b.view.String()) })
	out := make([][]Arrival, len(all))
	for _, st := range stores {
		for _, w := range st.arrivals(all, out, most) {
			a := &out[w.publication][w.arrival]
			a.Missing = w.details(st)
		}
	}
	return out
}

// awaiting are streams that have not acknowledged the present state of an entry.
type awaiting struct {
	entry                *entry
	name                 translate.Name
	records              []*streamRecord
	publication, arrival int
}

// details are how these streams stand with it, the worst first.
func (w awaiting) details(st *store) []Awaited {
	q := &inquiry{most: len(w.records), found: []Delivery{{Name: w.name}}, of: map[*entry]int{w.entry: 0}}
	for _, r := range w.records {
		r.tell(st, q)
	}
	return q.done()[0].Missing
}

// arrivals adds what the store knows. It returns who is missing of what is as it was published.
func (s *store) arrivals(all []Publication, out [][]Arrival, most int) (present []awaiting) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	type at struct {
		table *table
		name  string
	}
	before := map[int64]map[at]int{} // by time, which publication that is
	for i, p := range all {
		changed := p.At.UnixNano()
		for _, n := range p.Names {
			t := s.table(n.Type)
			if t == nil {
				continue
			}
			e := t.entries[n.Name]
			switch {
			case e != nil && e.seq > 0 && e.changed < changed: // it was not in it
				continue
			case e == nil || e.seq == 0 || e.changed > changed:
				if before[changed] == nil {
					before[changed] = map[at]int{}
				}
				before[changed][at{t, n.Name}] = i
				continue
			}
			a := Arrival{Name: n, View: s.view, FirstSent: instant(e.firstSent.Load()), LastAck: instant(e.lastAck.Load()), Asked: e.asked,
				FirstAck: instant(e.firstAck.Load()), FirstAckBy: named(e.firstBy.Load()), LastAckBy: named(e.lastBy.Load())}
			w := awaiting{entry: e, name: n, publication: i, arrival: len(out[i])}
			a.Left, a.MissingCount = t.awaited(e, func(sub *subscription) {
				if len(w.records) < most {
					w.records = append(w.records, sub.record)
				}
			})
			if out[i] = append(out[i], a); len(w.records) > 0 {
				present = append(present, w)
			}
		}
	}
	if len(before) == 0 {
		return present
	}
	for _, t := range s.tables {
		for k := range t.overtaken {
			o := &t.overtaken[k]
			if i, is := before[o.changed][at{t, o.name}]; is {
				out[i] = append(out[i], o.arrival(s.view, t.typeURL, most))
			}
		}
	}
	return present
}

// arrival is what is remembered.
func (o *overtaken) arrival(v View, typeURL string, most int) Arrival {
	a := Arrival{
		Name: translate.Name{Type: typeURL, Name: o.name}, View: v, FirstSent: instant(o.firstSent), LastAck: instant(o.lastAck),
		FirstAck: instant(o.firstAck), FirstAckBy: named(o.firstBy), LastAckBy: named(o.lastBy),
		Asked: int(o.asked), Left: int(o.left), MissingCount: int(o.missing), Overtaken: instant(o.until),
	}
	if a.Missing = slices.Clone(o.nodes[:min(len(o.nodes), most)]); len(a.Missing) == 0 {
		return a
	}
	slices.SortFunc(a.Missing, func(a, b Awaited) int {
		return cmp.Or(cmp.Compare(a.State.urgency(), b.State.urgency()), strings.Compare(a.Node, b.Node))
	})
	return a
}

func named(of *string) string {
	if of == nil {
		return ""
	}
	return *of
}
