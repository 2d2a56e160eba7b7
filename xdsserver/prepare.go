package xdsserver

import (
	"maps"

	"legate/translate"
)

// What is served in one place only is made before anybody there is served. It takes a while: if it were done while somebody
// is served, nothing could be published meanwhile. What a batch publishes is made before, for all places with streams.

// made are the places for which all is made that differs there. Each has streams, or somebody asked from there since
// something of that was published last.
type made struct {
	in         map[translate.Place]struct{}
	batches    uint64 // that published something which differs
	publishing bool   // one that does is being made
}

// maxUnused is how many places without streams are remembered: clients can say that they stand anywhere.
const maxUnused = 64

func (m *made) forget(place translate.Place) { delete(m.in, place) }

// published notes that what was being made is served now.
func (m *made) published() {
	if m.publishing {
		m.publishing = false
		m.batches++
	}
}

// stands notes where the stream in a slot stands, and makes what is served there only.
func (s *store) stands(slot int, place translate.Place) {
	if place == (translate.Place{}) {
		return
	}
	s.mu.Lock()
	s.places.set(slot, place) // from now on it is made before it is published
	s.mu.Unlock()
	s.prepare(place)
}

// prepare makes what is served in a place only, unless that is known to be made.
func (s *store) prepare(place translate.Place) {
	if s.isPrepared(place) {
		return
	}
	s.preparing.Lock()
	defer s.preparing.Unlock()
	if s.isPrepared(place) {
		return
	}
	all, batches := s.nears()
	for _, r := range all {
		r.at(place)
	}
	s.prepared(place, batches)
}

func (s *store) isPrepared(place translate.Place) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, is := s.places.made.in[place]
	return is
}

// prepared notes that all is made for a place that there was after so many batches, if nothing else is published since.
func (s *store) prepared(place translate.Place, batches uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, m := &s.places, &s.places.made
	if m.publishing || m.batches != batches {
		return // it is made while it is served
	}
	if len(m.in) >= len(p.streams)+maxUnused {
		p.forgetUnused()
	}
	if m.in == nil {
		m.in = map[translate.Place]struct{}{}
	}
	m.in[place] = struct{}{}
}

func (p *places) forgetUnused() {
	maps.DeleteFunc(p.made.in, func(place translate.Place, _ struct{}) bool { return p.streams[place] == 0 })
}

// nears are the resources that differ from place to place, after so many batches with such.
func (s *store) nears() (all []*resource, batches uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, t := range s.tables {
		if t.nears == 0 {
			continue
		}
		for _, e := range t.live {
			if e.res.near != nil {
				all = append(all, e.res)
			}
		}
	}
	return all, s.places.made.batches
}

// prepareAll makes what is served in the places where streams are, before it is published.
func (s *store) prepareAll(resources []*resource) {
	var in []translate.Place
	for _, r := range resources {
		if r.near == nil {
			continue
		}
		if in == nil {
			if in = s.inUse(); len(in) == 0 {
				return
			}
		}
		for _, place := range in {
			r.at(place)
		}
	}
}

// inUse are the places where streams stand. The others are forgotten.
func (s *store) inUse() []translate.Place {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.places.forgetUnused()
	s.places.made.publishing = true
	all := make([]translate.Place, 0, len(s.places.streams))
	for place := range s.places.streams {
		all = append(all, place)
	}
	return all
}
