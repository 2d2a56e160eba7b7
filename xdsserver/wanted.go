package xdsserver

import (
	"cmp"
	"slices"
	"strings"

	"legate/translate"
)

// Wanted reports whether a stream asks for the endpoints of a service: by its name, by the name of one of
// its further ports, or by asking for all; or for its cluster by name. While there are no streams, every service is wanted.
func (s *Server) Wanted(service string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	streams := false
	for _, st := range s.stores {
		wanted, any := st.wanted(service)
		if wanted {
			return true
		}
		streams = streams || any
	}
	return !streams
}

func (s *store) wanted(service string) (wanted, streams bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, t := range s.tables {
		e := t.entries[service]
		wanted = wanted || t.demandAll && !t.wild.empty() || t.demand && (e != nil && !e.named.empty() || t.portWanted(service))
	}
	for _, w := range s.wakers {
		streams = streams || w != nil
	}
	return wanted, streams
}

// portWanted reports whether a stream asks by name for a further port of a service.
func (t *table) portWanted(service string) bool {
	at, _ := slices.BinarySearchFunc(t.live, service+".", func(e *entry, name string) int { return cmp.Compare(e.name, name) })
	for _, e := range t.live[at:] {
		if !strings.HasPrefix(e.name, service+".") {
			break
		}
		if !e.named.empty() && translate.IsPortOf(service, e.name) {
			return true
		}
	}
	return false
}
