package xdsserver

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// resourceStanding is how a stream stands with a resource that it asks for.
type resourceStanding struct {
	name    string
	res     *resource // nil: Consul does not have it
	serves  *resource // what the stream gets now; res, unless it rejects that
	changed time.Time // zero: it never was there
	standing
}

// standingsOf is how the stream stands with each resource of a type that it asks for, in no order. rejection is what the
// client said last of the type. Nothing is published to that type meanwhile, and other types can be published.
func (ss *session) standingsOf(st *store, table int, rejection string) []resourceStanding {
	st.mu.RLock()
	defer st.mu.RUnlock()
	ss.state.Lock()
	defer ss.state.Unlock()
	if ss.subs == nil || ss.subs[table] == nil {
		return nil
	}
	sub := ss.subs[table]
	asked := sub.asked()
	where := make(map[*entry]standing, len(asked))
	sub.standings(asked, where)
	all := make([]resourceStanding, 0, len(where))
	for e, is := range where {
		if e.res == nil && is.state == Synced && !e.named.has(sub.slot) {
			continue // it was told that this is gone
		}
		is.why = cmp.Or(is.why, rejection)
		res := sub.at(e.res)
		one := resourceStanding{name: e.name, res: res, serves: res, changed: instant(e.changed), standing: is}
		if is.state == Nacked {
			one.serves = sub.served(e)
		}
		all = append(all, one)
	}
	return all
}

// size is how many names a table has: so many are looked at to find those that a stream asks for.
func (s *store) size(table int) int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.tables[table].entries)
}

// asked are the entries that the stream asks for. It needs the store's lock for reading, and the session's.
func (s *subscription) asked() map[*entry]int {
	asked := make(map[*entry]int, s.named)
	for _, e := range s.table.entries {
		if s.table.concerns(e, s.slot) && (e.seq > 0 || e.named.has(s.slot)) {
			asked[e] = 0
		}
	}
	return asked
}

// Standing is how a stream stands with a resource that it asks for.
type Standing struct {
	Stream  string `json:"stream"` // its id
	Peer    string `json:"peer"`
	Type    string `json:"type"`
	Name    string `json:"name"`
	View    string `json:"view"`              // in which it is
	Version string `json:"version,omitempty"` // that it would get now; empty: Consul does not have it
	// Instead is the earlier version that it is sent, because it rejects that one.
	Instead string    `json:"instead,omitempty"`
	Changed time.Time `json:"changed,omitzero"` // when that version was published
	State   State     `json:"state"`            // SYNCED: the client has that very version, or knows that there is none
	Since   time.Time `json:"since,omitzero"`   // since when it is behind, or rejects it
	Why     string    `json:"why,omitempty"`    // in the client's words, if it rejects it
}

// StandingsQuery says which standings are wanted.
type StandingsQuery struct {
	Node  string // its id, as [StreamStatus] has it
	Part  string // of the name, in any case
	Page  int    // from 1; beyond the last one: the last one
	Limit int    // rows of a page
}

// Standings are a page of how the streams of a node stand with all that they ask for, by urgency: what differs first.
type Standings struct {
	Rows    []Standing
	Total   int // on all pages
	States  map[State]int
	LeftOut int // streams that were not looked at, since there are too many names
}

// mostLooks is how many names are looked at for one page: after that many, no other stream is. So an id that a thousand
// clients share has a page, too.
const mostLooks = 50_000

// found is a standing before it is sorted.
type found struct {
	*resourceStanding
	urgency int
	since   int64 // in nanoseconds; 0: it is not behind
	table   int
	of      *streamRecord
	in      *store
}

// Standings says how the streams of a node stand with what they ask for.
func (s *Server) Standings(q StandingsQuery) Standings {
	out := Standings{States: map[State]int{}}
	var all []found
	looked, part := 0, strings.ToLower(q.Part)
	for _, r := range s.callbacks.matching(func(id string) bool { return sane(id) == q.Node }) {
		if looked >= mostLooks {
			out.LeftOut++
			continue
		}
		r.mu.Lock()
		st, ss := r.store, r.session
		r.mu.Unlock()
		if ss == nil {
			continue
		}
		why := r.rejections()
		for i, t := range st.tables {
			resources := ss.standingsOf(st, i, why[t.typeURL])
			if resources != nil {
				looked += st.size(i)
			}
			for n := range resources {
				is := &resources[n]
				if part != "" && !strings.Contains(strings.ToLower(is.name), part) {
					continue
				}
				out.States[is.state]++
				f := found{resourceStanding: is, urgency: is.state.urgency(), table: i, of: r, in: st}
				if is.state != Synced {
					f.since = max(is.since, r.opened.UnixNano())
				}
				all = append(all, f)
			}
		}
	}
	slices.SortFunc(all, found.compare)
	out.Total = len(all)
	from := max(0, min(q.Page-1, (len(all)-1)/q.Limit)) * q.Limit
	for _, f := range all[from:min(from+q.Limit, len(all))] {
		out.Rows = append(out.Rows, f.standing())
	}
	return out
}

// compare sorts by urgency, then what is behind for longest.
func (f found) compare(o found) int {
	if c := cmp.Or(f.urgency-o.urgency, cmp.Compare(f.since, o.since), f.table-o.table); c != 0 {
		return c
	}
	if c := strings.Compare(f.name, o.name); c != 0 {
		return c
	}
	return strings.Compare(f.of.stream.ID, o.of.stream.ID)
}

// standing tells it to others.
func (f found) standing() Standing {
	is := Standing{
		Stream: f.of.stream.ID, Peer: f.of.peer, Type: f.in.tables[f.table].typeURL, Name: f.name, View: f.in.view.String(),
		Changed: f.changed, State: f.state, Since: instant(f.since),
	}
	if f.res != nil {
		is.Version = f.res.version
	}
	if f.state == Nacked {
		is.Why = f.why
		if f.serves != nil && f.serves != f.res {
			is.Instead = f.serves.version
		}
	}
	return is
}

// rejections are what the client said last of each type that it rejects something of.
func (r *streamRecord) rejections() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	why := map[string]string{}
	for _, t := range r.types {
		why[t.typeURL] = t.rejected
	}
	return why
}
