package xdsserver

import "time"

// scheduleWake has the session woken when one of its subscriptions wants to look again. One that
// rings earlier will do: it is set anew then.
func (ss *session) scheduleWake() {
	for _, sub := range ss.subs {
		if sub == nil || sub.again.IsZero() {
			continue
		}
		at := sub.again
		sub.again = time.Time{}
		if now := time.Now(); now.Before(ss.wakeAt) && !at.Before(ss.wakeAt) {
			continue
		}
		ss.wakeAt = at
		time.AfterFunc(time.Until(at), ss.wake)
	}
}
