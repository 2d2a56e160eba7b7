package xdsserver

import (
	"runtime"
	"sync"
	"time"

	"legate/translate"
)

// store is the snapshot of one view, and the index of the streams that want something of it.
type store struct {
	view View

	mu        sync.RWMutex
	tables    []*table // in the order of resourceTypes
	seq       uint64   // of the last batch
	published time.Time
	wakers    []func() // of the streams by their slot; nil where a slot is free
	accounts  accounts
	places    places

	preparing sync.Mutex // of what is served in one place: see prepare

	// detaching is locked before mu while a stream takes back its names, which is a walk through a table. One at
	// a time: whoever wants mu meanwhile waits for a piece of one walk, and not for one of each.
	detaching sync.Mutex

	batch chan struct{} // closed when the next batch is in; nil: nobody waits for that

	onMissing func(typeURL string, more int) // of names asked for in vain; nil: nobody wants to know

	scratches sync.Pool // of slices of entries, for what is due on one stream
}

func newStore(view View) *store {
	s := &store{view: view}
	for _, kind := range resourceTypes {
		t := newTable(kind)
		t.accounts, t.places = &s.accounts, &s.places
		s.tables = append(s.tables, t)
	}
	return s
}

// newStore makes the store of a view, which reports what clients ask for.
func (s *Server) newStore(view View) *store {
	st := newStore(view)
	st.onMissing = s.metrics.InVain
	for _, t := range st.tables {
		if t.demand {
			t.asked = s.asked
		}
	}
	return st
}

// yield unlocks the store for a moment, and gives this core away, so that others can use both. The caller
// holds the lock. What it knew of the store may be wrong afterwards.
func (s *store) yield() {
	s.mu.Unlock()
	runtime.Gosched() // else a goroutine that waits for the lock may wait 10 ms for a core
	s.mu.Lock()
}

// pays sets for whom the names are counted that the stream in the slot asks for and Consul does not have.
func (s *store) pays(slot int, p *account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts.set(slot, p)
}

// nameBytes returns how many names Consul has and how many bytes these have, of the type with the most.
func (s *store) nameBytes() (bytes, names int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, t := range s.tables {
		bytes, names = max(bytes, t.nameBytes), max(names, len(t.live))
	}
	return bytes, names
}

// table returns the table of a type, nil for a type that is not served.
func (s *store) table(typeURL string) *table {
	for _, t := range s.tables {
		if t.typeURL == typeURL {
			return t
		}
	}
	return nil
}

// publish applies a batch as one change and wakes the streams that it concerns.
func (s *store) publish(batch translate.Batch, now time.Time) {
	encoded := make([]*resource, len(batch.Set))
	for i, r := range batch.Set {
		encoded[i] = newResource(r)
	}
	s.prepareAll(encoded)

	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	s.published = now
	s.places.made.published()
	var awake bitset
	touch := func(n translate.Name, res *resource) {
		t := s.table(n.Type)
		if t == nil || (res == nil && !t.has(n.Name)) {
			return
		}
		awake.add(t.wild)
		awake.add(t.set(n.Name, res, s.seq, batch.Since, now).named)
	}
	for i, r := range batch.Set {
		touch(r.Name, encoded[i])
	}
	for _, n := range batch.Gone {
		touch(n, nil)
	}
	s.reportMissing()
	s.wake(awake)
	if s.batch != nil {
		close(s.batch)
		s.batch = nil
	}
}

// wake wakes streams by their slots. It needs the lock.
func (s *store) wake(streams bitset) {
	for slot := range streams.all {
		s.wakers[slot]()
	}
}

// attach gives a stream a slot. wake is called with the lock held when something changes that the stream
// wants.
func (s *store) attach(wake func()) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for slot, w := range s.wakers {
		if w == nil {
			s.wakers[slot] = wake
			return slot
		}
	}
	s.wakers = append(s.wakers, wake)
	return len(s.wakers) - 1
}

// detach frees a stream's slot, and forgets what it asked for.
func (s *store) detach(slot int, subs []*subscription) {
	s.detaching.Lock()
	defer s.detaching.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range subs {
		if sub == nil {
			continue
		}
		sub.table.wild.clear(slot)
		sub.table.follow(slot, nil)
		if sub.named > 0 {
			sub.table.unnameAll(slot, s.yield)
		}
		sub.table.forgetInVain(slot)
	}
	s.reportMissing()
	s.wakers[slot] = nil
	s.accounts.set(slot, nil)
	s.places.set(slot, translate.Place{})
}

// scratch returns an empty slice of entries from a pool. Pass it to reuse.
func (s *store) scratch() *[]*entry {
	if used, ok := s.scratches.Get().(*[]*entry); ok {
		return used
	}
	return new([]*entry)
}

func (s *store) reuse(scratch *[]*entry) {
	clear(*scratch) // so that it holds no entries
	*scratch = (*scratch)[:0]
	s.scratches.Put(scratch)
}
