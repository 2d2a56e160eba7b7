package xdsserver

// A policy that prefers what is near, or does so no more, publishes an assignment again whose bytes are the same for all
// who stand nowhere. Only the streams for which it makes a difference are sent it.

// restated is what an entry was when it was published again and only what places make of it changed.
type restated struct {
	res *resource
	seq uint64
}

// restate notes the state before, if the next one is a restatement, and returns whether it is.
func (e *entry) restate(next *resource) bool {
	e.before = nil
	if e.res == nil || next == nil || e.res.version != next.version || e.res.prefers() == next.prefers() {
		return false
	}
	e.before = &restated{e.res, e.seq}
	return true
}

// isEqual reports whether the stream gets the same of an entry as of its state before, which it was offered.
func (s *subscription) isEqual(e *entry) bool {
	return e.before != nil && s.seq >= e.before.seq && s.table.isEqualAt(e, s.slot)
}

func (t *table) isEqualAt(e *entry, slot int) bool {
	return t.at(e.before.res, slot).version == t.at(e.res, slot).version
}

// awaitRestated takes from those that have to hear of a restatement the streams to which it says nothing new. It needs
// the store's lock.
func (t *table) awaitRestated(e *entry) {
	for slot := range e.awaits.all {
		if t.isEqualAt(e, slot) {
			e.awaits.clear(slot)
			e.asked--
		}
	}
}
