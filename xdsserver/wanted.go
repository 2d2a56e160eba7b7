package xdsserver

import "legate/translate"

// Wanted says whether a stream asks for the endpoints of a service, by its name or by asking for
// all. While there are no streams at all, everything is wanted: nobody can be known.
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
	t := s.table(translate.AssignmentType)
	e := t.entries[service]
	wanted = !t.wild.empty() || e != nil && !e.named.empty()
	for _, w := range s.wakers {
		streams = streams || w != nil
	}
	return wanted, streams
}
