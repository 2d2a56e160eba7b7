package discovery

import (
	"time"

	"legate/discovery/catalog"
)

// served is the catalog, with what the reader does not have of it yet.
type served struct {
	catalog catalog.Catalog
	health  map[catalog.Health]int // instances
	pending pending
}

func newServed() served {
	return served{catalog: catalog.New(), health: map[catalog.Health]int{}, pending: newPending()}
}

// set puts a service into the catalog. It is false if the service is there already, and the same.
func (s *served) set(is catalog.Service, at time.Time) bool {
	was, had := s.catalog.Services[is.Key]
	if had && was.Equal(is) {
		return false
	}
	s.pending.note(is.Key, was, had, at)
	s.count(was, -1)
	s.count(is, +1)
	s.catalog.Services[is.Key] = is
	return true
}

// remove takes a service out of the catalog.
func (s *served) remove(key catalog.ServiceKey, at time.Time) {
	was, had := s.catalog.Services[key]
	if !had {
		return
	}
	s.pending.note(key, was, had, at)
	s.count(was, -1)
	delete(s.catalog.Services, key)
}

// seed puts a service into the catalog that was believed before the start, and that the reader does
// not have.
func (s *served) seed(is catalog.Service) {
	s.pending.note(is.Key, catalog.Service{}, false, time.Time{})
	s.catalog.Services[is.Key] = is
	s.count(is, +1)
}

// setEntry and removeEntry do so with a config entry.
func (s *served) setEntry(is catalog.Entry, at time.Time) {
	was, had := s.catalog.Entries[is.Key]
	if had && was.Equal(is) {
		return
	}
	s.pending.noteEntry(is.Key, was, had, at)
	s.catalog.Entries[is.Key] = is
}

// seedEntry is seed for a config entry.
func (s *served) seedEntry(is catalog.Entry) {
	s.pending.noteEntry(is.Key, catalog.Entry{}, false, time.Time{})
	s.catalog.Entries[is.Key] = is
}

func (s *served) removeEntry(key catalog.EntryKey, at time.Time) {
	if was, had := s.catalog.Entries[key]; had {
		s.pending.noteEntry(key, was, had, at)
		delete(s.catalog.Entries, key)
	}
}

// size is how many instances there are in the catalog.
func (s *served) size() (n int) {
	for _, of := range s.health {
		n += of
	}
	return n
}

func (s *served) count(of catalog.Service, by int) {
	for i := range of.Instances {
		s.health[of.Instances[i].Health] += by
	}
}
