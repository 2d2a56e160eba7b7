package xdsserver

import (
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

// whyMissing says why no resource has this name.
func whyMissing(name string) string {
	switch {
	case name == "":
		return "the name is empty"
	case strings.HasPrefix(name, "xdstp:"):
		return "names that begin with xdstp: are not served; ask by the service's name alone"
	}
	return "Consul has no service of this name, or it is left out"
}

// missing is the names of one type that one stream asks for and Consul does not have: their number, and
// the first few.
type missing struct {
	count int
	few   []Missing
}

// noteMissing puts an entry among those that streams name and Consul does not have, or takes it out. It is called when
// the entry's resource comes or goes, and when a stream begins or ceases to name it.
func (t *table) noteMissing(e *entry) {
	if e.res == nil && !e.named.empty() {
		t.missing[e] = struct{}{}
	} else {
		delete(t.missing, e)
	}
	t.accounts.settle(e)
}

// reportMissing reports by how much the number of names asked for in vain has changed since it was called
// last. It needs the lock.
func (s *store) reportMissing() {
	for _, t := range s.tables {
		if n := len(t.missing) - t.missingTold; n != 0 && s.onMissing != nil {
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
		all := make([]*entry, 0, len(t.missing))
		for e := range t.missing {
			all = append(all, e)
		}
		slices.SortFunc(all, byName)
		for _, e := range all {
			for slot := range e.named.all {
				key := missingKey{slot, t.typeURL}
				m := found[key]
				if m.count++; m.count <= fewNames {
					m.few = append(m.few, Missing{sane(e.name), whyMissing(e.name)})
				}
				found[key] = m
			}
		}
	}
	return found
}
