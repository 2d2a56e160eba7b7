package xdsserver

import (
	"slices"

	"google.golang.org/grpc/codes"

	"legate/xdsserver/admission"
)

// How a client says what it wants: xDS protocol, "How the client specifies what resources to
// return" and "Unsubscribing from resources". All of it needs the store's lock.

// legacyWildcard reports whether a request that names nothing asks for everything: the protocol
// has that for some types, and only until the client has given any name, wanted or not.
func (s *subscription) legacyWildcard() bool {
	return !s.spoke && s.table.wildcard
}

// subscribe is an incremental request's resource_names_subscribe. have are the versions that
// the client says it holds already (initial_resource_versions, first request only).
func (s *subscription) subscribe(names nameList, have map[string]string) error {
	n := names.count
	if len(have) == 0 {
		s.owed = slices.Grow(s.owed, n)
	}
	s.table.accounts.change(s.slot, n) // also those that it names again: they are sent again
	next := 0
	for i, name := range names.all {
		s.yieldAfter(i)
		if string(name) == wildcard {
			s.everything(have)
			continue
		}
		e, added, err := s.table.name(s.slot, name, &next)
		if err != nil {
			return err
		}
		if added {
			s.named++
		}
		// A name asked for again is sent again, even if the client should have it.
		version, held := have[e.name]
		if held && s.holds(e, version) {
			continue
		}
		if !s.await(e, held) {
			s.owed = append(s.owed, e)
		}
		s.release(e.name)
	}
	s.tidy()
	return nil
}

// tidy keeps what is owed from growing while a client asks again and again, and answers nothing:
// each name once, if it is still wanted. While the client answers, what is owed is about to be sent,
// also that names are gone which the table does not know.
func (s *subscription) tidy() {
	if !s.full() {
		return
	}
	wanted := s.named
	if s.wild {
		wanted += len(s.table.live)
	}
	if len(s.owed) <= 2*wanted+1024 {
		return
	}
	slices.SortFunc(s.owed, byName)
	s.owed = slices.CompactFunc(s.owed, sameName)
	s.owed = slices.DeleteFunc(s.owed, func(e *entry) bool {
		e = s.table.current(e)
		return e.detached || !s.table.concerns(e, s.slot)
	})
}

// everything makes the subscription a wildcard one.
func (s *subscription) everything(have map[string]string) {
	if s.wild {
		return
	}
	s.wild = true
	s.table.wild.set(s.slot)
	s.parked, s.quarantined = nil, nil // what is asked for is offered
	if len(have) == 0 {
		s.all = true
		return
	}
	for _, e := range s.table.live {
		if version, held := have[e.name]; !held || !s.holds(e, version) {
			s.owed = append(s.owed, e)
		}
	}
	for name := range have {
		if !s.table.has(name) {
			s.owed = append(s.owed, s.table.known(name)) // gone, and the client has to hear of it
		}
	}
}

// holds reports whether a client that has this version of an entry has what it would be sent.
func (s *subscription) holds(e *entry, version string) bool {
	s.vouch(e, version)
	res := s.served(e)
	return res != nil && res.version == version
}

// unsubscribe is an incremental request's resource_names_unsubscribe.
func (s *subscription) unsubscribe(names nameList) {
	for i, name := range names.all {
		s.yieldAfter(i)
		if string(name) == wildcard {
			s.wild, s.all = false, false
			s.table.wild.clear(s.slot)
			continue
		}
		e := s.table.entries[string(name)]
		if e == nil {
			continue
		}
		if s.wild && (e.res != nil || e.named.has(s.slot)) {
			// The client forgets the resource, but still wants all there are.
			s.owed = append(s.owed, e)
		}
		if e.named.has(s.slot) {
			s.drop(e)
		}
	}
	s.tidy()
}

func (s *subscription) drop(e *entry) {
	s.table.accounts.change(s.slot, 1)
	s.named--
	s.release(e.name)
	delete(s.awaited, e)
	s.table.unname(s.slot, e)
}

// rename is a state-of-the-world request's resource_names: all that is wanted from now on. What
// was not wanted before is owed. holds says that the client has something from an earlier stream.
func (s *subscription) rename(names nameList, holds bool) error {
	s.spoke = s.spoke || !names.isEmpty()
	wild := names.has(wildcard) || s.legacyWildcard()
	switch {
	case wild && !s.wild:
		s.wild, s.all = true, true
		s.table.wild.set(s.slot)
		s.parked, s.quarantined = nil, nil
	case !wild && s.wild:
		s.wild, s.all = false, false
		s.table.wild.clear(s.slot)
	}
	var kept map[*entry]struct{} // of what was named before, if anything was
	if s.named > 0 {
		kept = make(map[*entry]struct{}, names.count)
	} else {
		s.owed = slices.Grow(s.owed, names.count)
	}
	next := 0
	for i, name := range names.all {
		s.yieldAfter(i)
		if string(name) == wildcard {
			continue
		}
		e, added, err := s.table.name(s.slot, name, &next)
		if err != nil {
			return err
		}
		if kept != nil {
			kept[e] = struct{}{}
		}
		if added {
			s.table.accounts.change(s.slot, 1)
			s.named++
			if !s.await(e, holds) {
				s.owed = append(s.owed, e)
			}
			s.release(e.name)
		}
	}
	if kept != nil && s.named > len(kept) {
		n := 0
		for e := range s.table.namedBy(s.slot) {
			if _, keep := kept[e]; !keep && e.named.has(s.slot) {
				s.drop(e)
			}
			n++
			s.yieldAfter(n)
		}
	}
	s.tidy()
	return nil
}

// maxName bounds names in bytes. What Legate has is far shorter; what a client only asks for is
// kept while its stream is open.
const maxName = 1024

// checkNames refuses more names than a client may ask for, and names that nobody has.
func checkNames(names []string, most int) error {
	if len(names) > most {
		return tooManyNames(most)
	}
	for _, name := range names {
		if err := checkName(len(name)); err != nil {
			return err
		}
	}
	return nil
}

func checkName(size int) error {
	if size <= maxName {
		return nil
	}
	return admission.Refuse(admission.LimitNames, codes.InvalidArgument, 0, admission.LookAtClient, "a resource name has %d bytes, the most is %d", size, maxName)
}

func tooManyNames(most int) error {
	return admission.Refuse(admission.LimitNames, codes.ResourceExhausted, 0, "raise xds.max_names if this is a client of yours",
		"more names of one type than are allowed here, which are %d", most)
}
