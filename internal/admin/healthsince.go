package admin

import (
	"time"

	"legate/internal/changes"
)

// healthTimes says since when the instances of a service are in their health, as far as Legate has seen that.
type healthTimes struct {
	seen  map[string]time.Time // when the health came, by node/id
	least time.Time            // all others have had theirs since then at least, if not for longer
}

// healthTimesOf are those of a service, by what is remembered of its changes; from is when it was served first.
func (s *Server) healthTimesOf(service string, from time.Time) healthTimes {
	t := healthTimes{seen: map[string]time.Time{}, least: from}
	if s.rooms.Changes == nil {
		t.least = time.Time{}
		return t
	}
	own := s.rooms.Changes.Back(changes.Query{Service: service, Kinds: []changes.Kind{changes.Service}})
	if own.Forgotten > 0 {
		if all := s.rooms.Changes.Back(changes.Query{}).Changes; len(all) > 0 {
			t.least = later(t.least, all[len(all)-1].At)
		}
	}
	for _, uncounted := range s.rooms.Changes.Back(changes.Query{Kinds: []changes.Kind{changes.More}, Limit: 1}).Changes {
		t.least = later(t.least, uncounted.At) // it may have been of this service
	}
	for i := range own.Changes { // the newest first
		c := &own.Changes[i]
		if c.At.Before(t.least) {
			break
		}
		at := c.Answered
		if at.IsZero() {
			at = c.At
		}
		for _, l := range c.Lines {
			if _, known := t.seen[l.Instance]; !known && (l.What == "health" || l.What == "instance" && l.Op == changes.Plus) {
				t.seen[l.Instance] = at
			}
		}
		if c.More > 0 { // of what is not shown, nothing is known before
			t.least = later(t.least, c.At)
		}
	}
	return t
}

// of is since when an instance is in its health, and whether it may be longer.
func (t healthTimes) of(node, id string) (since time.Time, least bool) {
	if at, is := t.seen[node+"/"+id]; is {
		return at, false
	}
	return t.least, true
}
