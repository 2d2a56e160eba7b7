package xdsserver

import "slices"

// A client rejects a response as a whole, and does not say for which of its resources: Envoy
// stops at the first bad assignment, in an order of its own, so that any part of the response may
// have been applied. Nothing of it counts as delivered. To free the innocent, the response is cut
// in two and both halves are sent again, and so on until the offender stands alone. That one is
// parked: it is not sent again on this stream until it changes.

// maxParked is how many resources a stream may reject before its rejections are no longer looked
// into. A client that rejects more is odd itself. What it rejects from then on is parked
// together, and goes out together when something of it changes.
const maxParked = 64

// rejected takes back a response. The offender is returned if it is known. It needs the store's
// lock for reading.
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
	case len(all) == 1:
		s.park(all, why)
		return all[0], true
	case s.whole || len(s.parked) >= maxParked:
		// What a whole state leaves out is deleted, so it cannot be cut in two. Envoy applies
		// the good clusters of a rejected response by itself.
		s.park(all, why)
	default:
		half := len(all) / 2
		s.probes = append(s.probes, all[half:], all[:half:half])
	}
	return "", false
}

// probe takes the next part of what was rejected. There is one part under way at a time, so that
// it is known early how much a client rejects.
func (s *subscription) probe() (entries []*entry, found bool) {
	if slices.ContainsFunc(s.flight, isProbe) {
		return nil, false
	}
	for len(entries) == 0 && len(s.probes) > 0 {
		last := len(s.probes) - 1
		for _, name := range s.probes[last] {
			entries = s.append(entries, name)
		}
		s.probes = s.probes[:last]
	}
	return entries, len(entries) > 0
}

func (s *subscription) park(all []string, why string) {
	if s.parked == nil {
		s.parked = refused{}
	}
	for _, name := range all {
		s.parked[name] = why
	}
}

// isRejecting reports whether something is held back because the client rejected it.
func (s *subscription) isRejecting() bool {
	return len(s.parked) > 0 || len(s.probes) > 0 || slices.ContainsFunc(s.flight, isProbe)
}

func isProbe(d delivery) bool { return d.probe }

// unpark forgets the rejection of what has changed. Where it is not known what the offender was,
// all that was parked is owed.
func (s *subscription) unpark(changed []*entry) {
	if len(s.parked) == 0 {
		return
	}
	hit, many := false, len(s.parked) > maxParked
	for _, e := range changed {
		if _, parked := s.parked[e.name]; parked {
			hit = true
			delete(s.parked, e.name)
		}
	}
	if (s.whole && len(changed) > 0) || (hit && many) {
		for name := range s.parked {
			s.owed = append(s.owed, name)
		}
		s.parked = nil
	}
}
