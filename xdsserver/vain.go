package xdsserver

import (
	"slices"
	"strings"
)

// A client that names what Consul does not have waits for it, or serves nothing in its place: a
// typing error, a service that was renamed, or one that has not come yet.

// Missing is a name that a client asks for in vain.
type Missing struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// whyMissing says why there is nothing of a name.
func whyMissing(name string) string {
	switch {
	case name == "":
		return "the name is empty"
	case strings.HasPrefix(name, "xdstp:"):
		return "names that begin with xdstp: are not served; ask by the service's name alone"
	}
	return "Consul has no service of this name, or it is left out"
}

// missing is what one stream asks for in vain of one type: how many names, and the first few.
type missing struct {
	count int
	few   []Missing
}

// noteVain keeps the list of names that are asked for in vain. It is due when Consul has a name,
// or has it no longer, and when a stream names it, or does so no longer.
func (t *table) noteVain(e *entry) {
	if e.res == nil && !e.named.empty() {
		t.vain[e] = struct{}{}
	} else {
		delete(t.vain, e)
	}
}

// countVain tells how many more or fewer names are asked for in vain than when it told last. It
// needs the lock.
func (s *store) countVain() {
	for _, t := range s.tables {
		if n := len(t.vain) - t.vainTold; n != 0 && s.tellVain != nil {
			t.vainTold += n
			s.tellVain(t.typeURL, n)
		}
	}
}

// vainKey is what one stream of a store asks for of one type.
type vainKey struct {
	slot    int
	typeURL string
}

// inVain is what each stream asks for in vain.
func (s *store) inVain() map[vainKey]missing {
	s.mu.RLock()
	defer s.mu.RUnlock()
	found := map[vainKey]missing{}
	for _, t := range s.tables {
		all := make([]*entry, 0, len(t.vain))
		for e := range t.vain {
			all = append(all, e)
		}
		slices.SortFunc(all, byName)
		for _, e := range all {
			for slot := range e.named.all {
				key := vainKey{slot, t.typeURL}
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
