package xdsserver

import (
	"slices"
	"strconv"
	"time"
)

// flush sends all that is due, in the order of the tables.
func (ss *session) flush() error {
	for i, sub := range ss.subs {
		for sub != nil && !sub.full() {
			f, message, err := ss.take(sub, ss.subs[i+1:])
			if err != nil {
				return err
			}
			if f == nil {
				break
			}
			ss.wire.responding(message, ss.node)
			if err := ss.stream.SendMsg(f); err != nil {
				return err
			}
			ss.observe(answerToSent, sub, sub.flight[len(sub.flight)-1])
		}
	}
	return nil
}

// take makes the response that is due on a subscription, if any. What it brings along becomes
// due on the later ones.
func (ss *session) take(sub *subscription, later []*subscription) (*frame, any, error) {
	ss.store.mu.RLock()
	defer ss.store.mu.RUnlock()
	scratch := ss.store.scratch()
	defer ss.store.reuse(scratch)
	entries, d, err := sub.due((*scratch)[:0])
	*scratch = entries
	if err != nil || (len(entries) == 0 && !sub.answer) {
		return nil, nil, err
	}
	ss.nonce++
	d.nonce = strconv.FormatUint(ss.nonce, 10)
	sub.answer = false
	for _, l := range later {
		if l != nil {
			l.bring(entries)
		}
	}
	f, message, shared := ss.wire.frame(sub, entries, d.nonce)
	switch {
	case d.all:
	case sub.whole: // there is more in it
		d.entries = slices.Clone(entries)
	default:
		d.entries = shared
	}
	sub.flight = append(sub.flight, d)
	return f, message, nil
}

// The stages of a change's way, for its metric.
const (
	answerToSent = "answer_to_sent"
	answerToAck  = "answer_to_ack"
)

func (ss *session) observe(stage string, sub *subscription, d delivery) {
	if !d.since.IsZero() {
		ss.server.metrics.Propagation(stage, sub.table.typeURL, time.Since(d.since))
	}
}
