package xdsserver

import (
	"slices"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"legate/metrics"
	"legate/xdsserver/admission"
)

// wildcard is the name that asks for all resources of a type (xDS protocol, "How the client
// specifies what resources to return").
const wildcard = "*"

// maxFlight is how many responses of a type may be unanswered on a stream. A client that leaves more
// unanswered cannot keep up: it gets no more until it answers, and then the latest state at once.
const maxFlight = 64

// subscription is what one stream wants of one type, and what it was sent. The table knows which names the
// stream asks for, so the subscription remembers only what is unusual: what is owed, not answered, or
// rejected. Its session owns it. Methods that also use the table need the store's lock.
type subscription struct {
	table  *table
	slot   int
	delays *metrics.Delays   // of changes; nil: they are not measured
	budget *admission.Budget // for the memory of responses; nil: it is not counted
	yield  func()            // lets others have the store; nil: there are none

	whole   bool // each response holds all that is wanted: what it leaves out is gone
	resumed bool // the client has something from an earlier stream
	wild    bool // all resources are wanted
	spoke   bool // state of the world: some name was given, be it "*": to give none means none from then on
	named   int  // how many names are wanted

	record  *streamRecord // of the stream
	began   uint64        // the last change before the subscription
	tookAll atomic.Uint64 // the client has acknowledged all that it wants as of this change

	seq  uint64   // changes up to this one were offered
	all  bool     // everything that is wanted is owed: a response, even one with nothing in it
	owed []*entry // what is owed although it did not change: asked for, or brought along

	apart apart // what another stream of the client brings along

	awaited   map[*entry]awaited         // what is asked for and to be expected: it is owed when it has waited long enough
	expected  func(name string) Expected // of names without a resource; nil: nothing
	firstWait time.Duration

	flight      []delivery // sent and not answered yet, oldest first
	probes      [][]string // parts of rejected responses that are still to be sent alone, the next one last
	parked      refused    // rejected, and not to be sent before they change
	quarantined quarantine // those of them that were rejected alone, and what takes their place

	pace      pace
	probed    int       // parts that were sent alone
	nextProbe time.Time // when the next one may be
	released  time.Time // when what was parked together was last sent again
	late      bool      // something of it has changed since

	again time.Time // when to look what is due although nothing changes; zero if there is no need

	lost bool // the client follows nothing of it, whatever it says later: see outside.go

	rejecting bool // was reported as one with parked names
	nacked    bool // a response was rejected since then
}

// refused says why a client rejects resources, by name.
type refused map[string]string

// delivery is what went into a response.
type delivery struct {
	nonce   string
	seq     uint64            // changes up to this one are in it, as far as its entries go
	all     bool              // everything that was wanted; entries are then what came on top
	alone   bool              // one resource, or that there is none
	entries []*entry          // shared with other streams, so never changed
	instead []string          // names of which an earlier state was served
	probe   bool              // a part of a rejected response
	since   time.Time         // when Consul answered the oldest change in it; zero if nothing had changed
	origin  metrics.Origin    // by what that change is known
	changed bool              // something had
	waited  int64             // since when the client waits for it: when the oldest change in it was published, else when it was made
	made    int64             // when it was; both in nanoseconds
	charge  *admission.Charge // for its memory until it is answered; nil: it is not counted
}

// due returns what has to be sent now, and takes it off what is owed. The entries, each of them once, are
// appended to an empty slice; there may be none. Of the delivery it fills in what is known before it is
// sent. It needs the store's lock for reading.
func (s *subscription) due(entries []*entry) ([]*entry, delivery, error) {
	t := s.table
	s.bring(s.apart.take())
	if s.endAwait(); s.whole && len(s.awaited) > 0 {
		return entries, delivery{}, nil // what a response leaves out is gone for the client
	}
	if s.wild && !s.whole && !s.all && s.seq < t.swept {
		return entries, delivery{}, status.Error(codes.Unavailable,
			"stream fell too far behind: names that it may still hold were forgotten; connect again")
	}
	var d delivery
	for e := range t.changes(s.seq) {
		if !t.concerns(e, s.slot) || s.isEqual(e) {
			continue
		}
		entries = append(entries, e)
		if !e.since.IsZero() && (d.since.IsZero() || e.since.Before(d.since)) {
			d.since, d.origin = e.since, metrics.Origin{Name: e.name, Published: e.changed}
		}
		if !d.changed || e.changed < d.waited {
			d.changed, d.waited = true, e.changed
		}
	}
	s.unpark(entries)
	if len(entries) == 0 && s.owedAllThereIs() {
		entries = append(entries, t.live...) // which need no sorting
		d.all, d.seq = true, t.seq
		s.seq, s.all, s.owed = t.seq, false, nil
		return entries, d, nil
	}
	entries, later := s.owedNow(entries)
	if len(entries) == 0 && !s.all {
		entries, d.probe = s.probe()
	}
	if d.all = s.all; d.all {
		for _, e := range entries {
			if e.res == nil {
				d.entries = append(d.entries, e)
			}
		}
		for _, e := range t.live {
			if t.concerns(e, s.slot) {
				entries = append(entries, e)
			}
		}
	}
	if s.all || len(s.owed) > 0 { // which may have changed, too
		slices.SortFunc(entries, byName)
		entries = slices.CompactFunc(entries, sameName)
	}
	d.seq = t.seq
	s.seq, s.all, s.owed = t.seq, false, later
	return entries, d, nil
}

// maxEmpty is how many empty resources one response has that are made for it, in place of what Consul does not
// have: each takes some microseconds, and nothing can be published meanwhile.
const maxEmpty = 512

// owedNow appends what is owed, and returns what has to wait for the next response.
func (s *subscription) owedNow(entries []*entry) (now, later []*entry) {
	empty := 0
	for i, e := range s.owed {
		n := len(entries)
		entries = s.append(entries, e)
		if len(entries) == n || !s.table.isMade(entries[n], s.slot) {
			continue
		}
		if empty++; empty == maxEmpty {
			return entries, s.owed[i+1:]
		}
	}
	return entries, nil
}

// append appends an entry if the stream still wants it. An entry that has left the table stands for a name
// without a resource.
func (s *subscription) append(entries []*entry, e *entry) []*entry {
	e = s.table.current(e)
	if s.table.concerns(e, s.slot) {
		entries = append(entries, e)
	}
	return entries
}

// owe has a name sent although it did not change.
func (s *subscription) owe(name string) { s.owed = append(s.owed, s.table.known(name)) }

// owedAllThereIs reports whether exactly the entries that Consul has are owed. That is so at first on a
// wildcard subscription, and when a client that has all clusters asks for the assignment of each, in any
// order. Such streams share one response body.
func (s *subscription) owedAllThereIs() bool {
	t := s.table
	if s.all {
		return s.wild && len(s.owed) == 0
	}
	if len(s.owed) == 0 || len(s.owed) != len(t.live) {
		return false
	}
	var sum uint64
	for _, e := range s.owed {
		if e.detached || !t.concerns(e, s.slot) {
			return false
		}
		sum += e.id
	}
	return sum == t.ids
}

// isOwed reports whether something is to be sent although nothing changes.
func (s *subscription) isOwed() bool { return s.all || len(s.owed)+len(s.awaited) > 0 }

// full reports whether the client has to answer before it gets more.
func (s *subscription) full() bool { return len(s.flight) >= maxFlight }

// answered closes a response and those before it: clients answer in order, so an answer to a later response
// accepts the earlier ones. It reports whether the response was open.
func (s *subscription) answered(nonce string) (delivery, bool) {
	i := slices.IndexFunc(s.flight, func(d delivery) bool { return d.nonce == nonce })
	if i < 0 {
		return delivery{}, false
	}
	d := s.flight[i]
	s.dropFlight(i + 1)
	return d, true
}

// dropFlight forgets the oldest responses.
func (s *subscription) dropFlight(n int) {
	for _, d := range s.flight[:n] {
		d.charge.Release(s.budget)
	}
	s.flight = slices.Delete(s.flight, 0, n)
}

// manyNames is how many names a request may go through before it lets others use the store.
const manyNames = 256

// yieldAfter unlocks the store for a moment after each manyNames names.
func (s *subscription) yieldAfter(n int) {
	if s.yield != nil && n%manyNames == manyNames-1 {
		s.yield()
	}
}

// bring makes the resources with the names of these entries owed, as far as the stream wants them: the
// assignments of clusters that are sent. It needs the store's lock for reading.
func (s *subscription) bring(names []*entry) {
	for _, n := range names {
		if e := s.table.entries[n.name]; e != nil && s.table.concerns(e, s.slot) && s.served(e) != nil {
			s.owed = append(s.owed, e)
			delete(s.quarantined, n.name) // with another cluster it may be right
		}
	}
	s.tidy()
}
