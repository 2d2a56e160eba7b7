package xdsserver

import (
	"slices"
	"time"
)

// A client rejects a response as a whole, and does not say for which of its resources: Envoy
// stops at the first bad assignment, in an order of its own, so that any part of the response may
// have been applied. Nothing of it counts as delivered. To free the innocent, the response is cut
// in two and both halves are sent again, and so on until the offender stands alone. That one is
// parked: it is not sent again on this stream until it changes. See quarantine.go for what is sent
// in its place.

// fastProbes is how many parts a stream sends as fast as they are rejected: enough to find two
// offenders among ten thousand. Then it sends one each pace.probe, since a client that goes on
// rejecting is work without end.
const fastProbes = 50

// pace is how often a stream tries again, at most, what its client rejects.
type pace struct {
	probe    time.Duration // parts that are sent alone
	together time.Duration // what was parked together
}

func defaultPace() pace { return pace{probe: 20 * time.Millisecond, together: 5 * time.Second} }

// maxParked is how many resources a stream may reject before its rejections are no longer looked
// into. A client that rejects more is odd itself. What it rejects from then on is parked
// together, and goes out together when something of it changes, but not more often than
// pace.together says: what changes meanwhile goes out alone.
const maxParked = 64

// rejected notes that a client rejects a response, so nothing of it counts as delivered. It returns the
// resource that is at fault, if that is known. It needs the store's lock for reading.
func (s *subscription) rejected(d delivery, why string) (offender string, known bool) {
	all := namesOf(d.entries)
	if d.all {
		for _, e := range s.table.live {
			if s.table.concerns(e, s.slot) {
				all = append(all, e.name)
			}
		}
		slices.Sort(all)
		all = slices.Compact(all)
	}
	switch {
	case len(all) == 1 && slices.Contains(d.instead, all[0]):
		s.notInstead(all[0])
	case s.insists(d):
	case len(all) == 1 && d.alone: // not the last one that is there of several
		s.quarantine(all[0], why, d)
		s.table.noteRejected(all, d)
		return all[0], true
	case s.whole || len(s.parked) >= maxParked:
		// What a whole state leaves out is deleted, so it cannot be cut in two. Envoy applies
		// the good clusters of a rejected response by itself.
		s.park(all, why)
		s.table.noteRejected(all, d)
	default:
		half := len(all) / 2
		s.probes = append(s.probes, all[half:], all[:half:half])
	}
	return "", false
}

// probe takes the next part of what was rejected. There is one part under way at a time, so that
// it is known early how much a client rejects.
func (s *subscription) probe() (entries []*entry, found bool) {
	if len(s.probes) == 0 || slices.ContainsFunc(s.flight, isProbe) {
		return nil, false
	}
	if s.probed >= fastProbes {
		now := time.Now()
		if now.Before(s.nextProbe) {
			s.lookAgain(s.nextProbe)
			return nil, false
		}
		s.nextProbe = now.Add(s.pace.probe)
	}
	s.probed++
	for len(entries) == 0 && len(s.probes) > 0 {
		last := len(s.probes) - 1
		for _, name := range s.probes[last] {
			entries = s.append(entries, s.table.known(name))
		}
		s.probes = s.probes[:last]
	}
	return entries, len(entries) > 0
}

// insists reports whether a response had resources that the client is known to reject. A response with the
// whole state has all of them, except those that are replaced by an earlier version. Its rejection says
// nothing about what was new in it.
func (s *subscription) insists(d delivery) bool {
	if !s.whole {
		return false
	}
	for name := range s.parked {
		if !slices.Contains(d.instead, name) {
			return true
		}
	}
	return false
}

func (s *subscription) park(all []string, why string) {
	if s.parked == nil {
		s.parked = refused{}
	}
	for _, name := range all {
		s.parked[name] = why
	}
}

// took releases what the client accepted after all, for example when it was sent again since
// its cluster was. If the client accepted an earlier version of something that is no longer parked, the
// present version is owed.
func (s *subscription) took(d delivery) {
	if len(s.parked)+len(d.instead) == 0 {
		return
	}
	if d.all || s.whole {
		for name := range s.parked {
			if !slices.Contains(d.instead, name) {
				s.release(name)
			}
		}
	}
	for _, e := range d.entries {
		if !slices.Contains(d.instead, e.name) {
			s.release(e.name)
		}
	}
	for _, name := range d.instead {
		_, parked := s.parked[name]
		if e := s.table.entries[name]; !parked && e != nil && e.seq <= d.seq { // else that was sent after it
			s.owed = append(s.owed, e)
		}
	}
}

// release ends that a name is parked.
func (s *subscription) release(name string) {
	delete(s.parked, name)
	delete(s.quarantined, name)
}

// notInstead notes that the client rejects the earlier version, too. If it has accepted the present version
// meanwhile, that does not matter.
func (s *subscription) notInstead(name string) {
	if r, is := s.quarantined[name]; is {
		r.instead = nil
		s.quarantined[name] = r
	}
}

// isRejecting reports whether something is parked because the client rejected it.
func (s *subscription) isRejecting() bool {
	return s.lost || len(s.parked) > 0 || len(s.probes) > 0 || slices.ContainsFunc(s.flight, isProbe)
}

func isProbe(d delivery) bool { return d.probe }

// unpark forgets the rejections of what has changed. If it is not known which resource was at fault, all
// that is parked becomes owed, now or later.
func (s *subscription) unpark(changed []*entry) {
	if len(s.parked) == 0 {
		s.late = false
		return
	}
	many := len(s.parked) > maxParked
	for _, e := range changed {
		if _, parked := s.parked[e.name]; parked {
			s.late = s.late || many
			s.release(e.name)
		}
	}
	if s.whole {
		if len(changed) > 0 {
			s.goesAlong()
		}
		return
	}
	now := time.Now()
	switch again := s.released.Add(s.pace.together); {
	case s.late && again.After(now):
		s.lookAgain(again)
		return
	case !s.late:
		return
	}
	for name := range s.parked {
		s.owe(name)
	}
	s.parked, s.quarantined, s.late, s.released = nil, nil, false, now
}

// goesAlong makes what is parked owed: it is part of each whole state, and may be new to the client.
func (s *subscription) goesAlong() {
	for name := range s.parked {
		if s.quarantined[name].instead == nil {
			s.owe(name)
		}
	}
}

// lookAgain notes that something may be due at a time, even if nothing changes until then.
func (s *subscription) lookAgain(at time.Time) {
	if s.again.IsZero() || at.Before(s.again) {
		s.again = at
	}
}
