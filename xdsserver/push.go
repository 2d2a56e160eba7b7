package xdsserver

import (
	"slices"
	"strconv"
	"time"
)

// response is a response that is made and not sent yet.
type response struct {
	*frame
	message any
}

// pass is one walk through the tables. All tables are seen as one batch left them.
type pass struct {
	began bool
	batch uint64 // the last one that was published when the pass began
}

// flush sends all that is due, in the order of the tables. If it may not wait for the client, it ends
// when it would have to, and reports that: it is to be called again, and may wait then.
func (ss *session) flush(mayWait bool) (waits bool, err error) {
	if err := ss.send(); err != nil { // what could not be sent without waiting
		return false, err
	}
	var current pass
	for i := 0; i < len(ss.subs); i++ {
		for sub := ss.subs[i]; sub != nil && !sub.full(); {
			if !mayWait && ss.stream.wouldWait() {
				return true, nil
			}
			overtaken, err := ss.make(sub, ss.subs[i+1:], &current)
			if err != nil {
				return false, err
			}
			if overtaken { // the new batch may have something for the first table, which has to go first
				current, i = pass{}, -1
				break
			}
			if len(ss.made) == 0 {
				break
			}
			if !mayWait && len(ss.made) > 1 { // each is as large as can be
				return true, nil
			}
			if err := ss.send(); err != nil {
				return false, err
			}
		}
	}
	return false, nil
}

// send sends the responses that are made.
func (ss *session) send() error {
	if len(ss.made) == 0 {
		return nil
	}
	sub := ss.madeFor
	defer func() { ss.made = ss.made[:0] }()
	first := len(sub.flight) - len(ss.made)
	for i, r := range ss.made {
		ss.made[i] = response{} // so that it holds no resources
		ss.wire.responding(r.message, ss.node)
		if err := ss.stream.SendMsg(r.frame); err != nil {
			return err
		}
		if d := &sub.flight[first+i]; !d.since.IsZero() {
			sub.delays.Sent(time.Since(d.since), d.origin)
		}
	}
	return nil
}

// make makes the responses that are due on a subscription, if any: one, or several where one would be too
// large. What their resources bring along becomes due on the subscriptions that come later. Nothing is made
// if a batch was published since the pass began: the pass is overtaken.
func (ss *session) make(sub *subscription, later []*subscription, current *pass) (overtaken bool, err error) {
	ss.made, ss.madeFor = ss.made[:0], sub
	ss.store.mu.RLock()
	defer ss.store.mu.RUnlock()
	if current.began && current.batch != ss.store.seq {
		return true, nil
	}
	*current = pass{true, ss.store.seq}
	ss.state.Lock()
	defer ss.state.Unlock()
	scratch := ss.store.scratch()
	defer ss.store.reuse(scratch)
	entries, d, err := sub.due(*scratch)
	*scratch = entries
	if err != nil || (len(entries) == 0 && !d.all) {
		return false, err
	}
	d.alone, d.instead = len(entries) == 1, sub.substitutes(entries)
	if d.made = time.Now().UnixNano(); !d.changed {
		d.waited = d.made
	}
	for _, l := range later {
		if l != nil && l.table.typeURL == sub.table.brings {
			l.bring(entries)
		}
	}
	ss.bodies = ss.wire.bodies(ss.bodies[:0], sub, entries)
	defer func() { clear(ss.bodies) }()
	switch {
	case len(ss.bodies) > 1:
		return false, ss.parts(sub, d)
	case d.all:
	case sub.whole: // there is more in it
		d.entries = slices.Clone(entries)
	default:
		d.entries = ss.bodies[0].entries
	}
	return false, ss.respond(sub, d, &ss.bodies[0])
}

// parts makes a response of each part, up to as many as the client may leave unanswered. What is in the
// other parts stays owed.
func (ss *session) parts(sub *subscription, d delivery) error {
	since := d.since
	for i := range ss.bodies {
		p := &ss.bodies[i]
		if sub.full() {
			sub.owed = append(sub.owed, p.entries...)
			continue
		}
		d.all, d.entries, d.alone, d.since = false, p.entries, len(p.entries) == 1, time.Time{}
		if i == len(ss.bodies)-1 {
			d.since = since // the change is there with the last one
		}
		if err := ss.respond(sub, d, p); err != nil {
			return err
		}
	}
	return nil
}

// respond makes one response.
func (ss *session) respond(sub *subscription, d delivery, p *body) error {
	if err := p.charge.Acquire(sub.budget, ss.stream.admitted.Share()); err != nil {
		return err
	}
	if p.size > ss.server.config.MaxResponseBytes {
		ss.server.oversized.count(sub.table.typeURL, ss.wire.name().protocol, ss.node.GetId(), p)
	}
	ss.nonce++
	d.charge = p.charge
	d.nonce = strconv.FormatUint(ss.nonce, 10)
	f, message := ss.wire.frame(sub.table, p, d.nonce)
	sub.flight = append(sub.flight, d)
	d.noteSent(p)
	ss.made = append(ss.made, response{f, message})
	return nil
}

// noteSent notes with what is in a response when it was sent first, whoever gets it.
func (d *delivery) noteSent(p *body) {
	entries := d.entries
	if d.all {
		entries = p.entries
	}
	for _, e := range entries {
		if e.firstSent.Load() == 0 && !slices.Contains(d.instead, e.name) {
			e.firstSent.CompareAndSwap(0, d.made)
		}
	}
}
