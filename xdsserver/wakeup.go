package xdsserver

import "time"

// scheduleWake has the session woken when one of its subscriptions wants to try again. If it is woken
// earlier for another reason, it is scheduled again then.
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
