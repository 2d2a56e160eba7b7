package xdsserver

import (
	"math/bits"
	"slices"
	"sync/atomic"
)

// Each state of an entry knows which streams it is for: those that asked for it when it was published, until they
// acknowledge it. So what is known when the next state overtakes it costs no walk through the streams.

// maxOvertaken is how many overtaken states of a type are remembered: as many as there are changes in a record of these.
const maxOvertaken = 4096

// maxOvertakenNodes is how many streams are remembered that had not acknowledged one of them.
const maxOvertakenNodes = 5

// overtaken is what was known of a state when the next one came. Times are in nanoseconds.
type overtaken struct {
	name                 string
	changed, until       int64
	firstSent, lastAck   int64
	firstAck             int64
	firstBy, lastBy      *string
	asked, left, missing int32
	nodes                []Awaited // some of those that are missing
}

// await notes which streams have to hear of the present state of an entry. It needs the store's lock.
func (t *table) await(e *entry) {
	words := max(len(t.wild), len(e.named))
	e.asked = 0
	for i := range words {
		e.asked += bits.OnesCount64(t.wild.word(i) | e.named.word(i))
	}
	if e.asked == 0 {
		e.awaits = e.awaits[:0]
		return
	}
	e.awaits = slices.Grow(e.awaits[:0], words)[:words]
	for i := range words {
		e.awaits[i] = t.wild.word(i) | e.named.word(i)
	}
}

// arrived notes that the client has what was in a response. It needs the store's lock for reading.
func (s *subscription) arrived(d delivery) {
	entries := d.entries
	switch {
	case d.all && len(d.instead) == 0:
		raise(&s.tookAll, d.seq)
	case d.all:
		entries = s.table.live
	}
	for _, e := range entries {
		if s.began < e.seq && e.seq <= d.seq && s.slot>>6 < len(e.awaits) && !slices.Contains(d.instead, e.name) {
			atomic.AndUint64(&e.awaits[s.slot>>6], ^(uint64(1) << (s.slot & 63)))
		}
	}
}

// awaited counts those of the streams to which the present state of an entry went that have left, and those that have
// not acknowledged it, which it yields. It needs the store's lock for reading.
func (t *table) awaited(e *entry, yield func(*subscription)) (left, missing int) {
	for i := range e.awaits {
		for w := atomic.LoadUint64(&e.awaits[i]); w != 0; w &= w - 1 {
			slot := i<<6 + bits.TrailingZeros64(w)
			sub := t.subOf(slot)
			switch {
			case sub == nil || sub.began >= e.seq || !t.concerns(e, slot): // the slot is another's by now, or it wants it no more
				left++
			case sub.tookAll.Load() < e.seq:
				missing++
				yield(sub)
			}
		}
	}
	return left, missing
}

// awaited is a stream that stands so with something.
func (r *streamRecord) awaited(is standing) Awaited {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Awaited{
		Stream: r.stream.ID, Node: sane(r.id), Peer: r.peer, Identity: sane(r.identity),
		State: is.state, Since: later(is.since, r.opened), Why: is.why,
	}
}

// overtake remembers what is known of the present state of an entry before the next one comes. It needs the store's
// lock.
func (t *table) overtake(e *entry, now int64) {
	if e.seq == 0 {
		return
	}
	o := overtaken{name: e.name, changed: e.changed, until: now, firstSent: e.firstSent.Load(), lastAck: e.lastAck.Load(), asked: int32(e.asked),
		firstAck: e.firstAck.Load(), firstBy: e.firstBy.Load(), lastBy: e.lastBy.Load()}
	left, missing := t.awaited(e, func(s *subscription) {
		if len(o.nodes) == maxOvertakenNodes {
			return
		}
		is := s.standing(e)
		if is.state == Synced { // it was sent, and is not answered
			is.state = Stale
		}
		is.since = e.changed
		o.nodes = append(o.nodes, s.record.awaited(is))
	})
	o.left, o.missing = int32(left), int32(missing)
	if len(t.overtaken) < maxOvertaken {
		t.overtaken = append(t.overtaken, o)
		return
	}
	t.overtaken[t.oldest] = o
	t.oldest = (t.oldest + 1) % maxOvertaken
}

// follow notes whose subscription has a slot; nil: nobody's. It needs the store's lock.
func (t *table) follow(slot int, s *subscription) {
	if len(t.subs) <= slot {
		if s == nil {
			return
		}
		t.subs = append(t.subs, make([]*subscription, slot+1-len(t.subs))...)
	}
	t.subs[slot] = s
}

// subOf returns the subscription of the stream in a slot, nil if it wants nothing of the type.
func (t *table) subOf(slot int) *subscription {
	if slot < len(t.subs) {
		return t.subs[slot]
	}
	return nil
}
