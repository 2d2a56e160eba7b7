package xdsserver

import (
	"iter"
	"slices"
	"strings"
)

// Clients may ask for names that Consul does not have: after a typing error, or for a service that was
// renamed or is not registered yet. Requests for these fail, so such names are counted and listed.

// Missing is a name that a client asks for and Consul does not have.
type Missing struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// whyMissing says why no resource of the type has this name.
func (t *resourceType) whyMissing(name string) string {
	switch {
	case name == "":
		return "the name is empty"
	case strings.HasPrefix(name, "xdstp:"):
		return "names that begin with xdstp: are not served; ask by the service's name alone"
	}
	return t.lacks
}

// missing is the names of one type that one stream asks for and Consul does not have: their number, and
// the first few.
type missing struct {
	count int
	few   []Missing
}

// inVain lists the names that one stream asks for and Consul does not have, so that a stream which gives names up does
// not have to be looked for in those of all others. Some in the list may be no such names any more, or twice in it: as
// many as stale says.
type inVain struct {
	entries []*entry
	stale   int
}

// isInVain reports whether the stream in the slot asks for an entry that Consul does not have.
func (e *entry) isInVain(slot int) bool { return e.res == nil && e.named.has(slot) }

// addInVain puts an entry that Consul does not have into the list of a stream that asks for it.
func (t *table) addInVain(slot int, e *entry) {
	for len(t.inVain) <= slot {
		t.inVain = append(t.inVain, inVain{})
	}
	list := &t.inVain[slot]
	t.setInVain(slot, append(list.entries, e), list.stale)
}

// staleInVain notes that an entry in the list of a stream is no longer asked for in vain. When there are many such,
// the list is copied without them: it keeps little that is gone, at a low price for each.
func (t *table) staleInVain(slot int) {
	list := &t.inVain[slot]
	list.stale++
	if list.stale < min(len(list.entries), 16+len(list.entries)/8) {
		return
	}
	var kept []*entry
	if n := len(list.entries) - list.stale; n > 0 {
		kept = make([]*entry, 0, n)
	}
	for _, e := range list.entries {
		if e.isInVain(slot) {
			kept = append(kept, e)
			e.named.clear(slot) // so that it is kept once
		}
	}
	for _, e := range kept {
		e.named.set(slot)
	}
	t.setInVain(slot, kept, 0)
}

// noteInVain notes with each stream that asks for an entry that its resource has come or gone.
func (t *table) noteInVain(e *entry) {
	for slot := range e.named.all {
		if e.res == nil {
			t.addInVain(slot, e)
		} else {
			t.staleInVain(slot)
		}
	}
}

// forgetInVain drops the list of a stream that asks for nothing any more.
func (t *table) forgetInVain(slot int) {
	if slot < len(t.inVain) {
		t.setInVain(slot, nil, 0)
	}
}

// setInVain replaces the list of a stream. Its memory is charged to the stream.
func (t *table) setInVain(slot int, entries []*entry, stale int) {
	const place = 8 // bytes
	list := &t.inVain[slot]
	t.accounts.grow(slot, place*(cap(entries)-cap(list.entries)))
	*list = inVain{entries, stale}
}

// namedBy returns all entries that the stream in the slot asks for now, and some that it does not. The table may be
// used while they are gone through.
func (t *table) namedBy(slot int) iter.Seq[*entry] {
	var vain []*entry
	if slot < len(t.inVain) {
		vain = t.inVain[slot].entries // which are only appended to, or replaced
	}
	live := slices.Clone(t.live)
	return func(yield func(*entry) bool) {
		for _, entries := range [...][]*entry{vain, live} {
			for _, e := range entries {
				if !yield(e) {
					return
				}
			}
		}
	}
}

// noteMissing counts an entry among those that streams name and Consul does not have, or no longer. It is called when
// the entry's resource comes or goes, and when a stream begins or ceases to name it.
func (t *table) noteMissing(e *entry) {
	if missing := e.res == nil && !e.named.empty(); missing != e.missing {
		e.missing = missing
		if missing {
			t.missing++
		} else {
			t.missing--
		}
	}
	t.accounts.settle(e)
}

// reportMissing reports by how much the number of names asked for in vain has changed since it was called
// last. It needs the lock.
func (s *store) reportMissing() {
	for _, t := range s.tables {
		if n := t.missing - t.missingTold; n != 0 && s.onMissing != nil {
			t.missingTold += n
			s.onMissing(t.typeURL, n)
		}
	}
}

// missingKey is one type on one stream of a store.
type missingKey struct {
	slot    int
	typeURL string
}

// missingNames lists the names that each stream asks for in vain, by type.
func (s *store) missingNames() map[missingKey]missing {
	s.mu.RLock()
	defer s.mu.RUnlock()
	found := map[missingKey]missing{}
	for _, t := range s.tables {
		for slot, list := range t.inVain {
			all := make([]*entry, 0, len(list.entries))
			for _, e := range list.entries {
				if e.isInVain(slot) {
					all = append(all, e)
				}
			}
			slices.SortFunc(all, byName)
			all = slices.CompactFunc(all, sameName)
			if len(all) == 0 {
				continue
			}
			m := missing{count: len(all)}
			for _, e := range all[:min(len(all), fewNames)] {
				m.few = append(m.few, Missing{sane(e.name), t.whyMissing(e.name)})
			}
			found[missingKey{slot, t.typeURL}] = m
		}
	}
	return found
}
