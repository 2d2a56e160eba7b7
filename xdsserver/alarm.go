package xdsserver

import "time"

// setAlarm has the session woken when one of its subscriptions wants to look again. One that
// rings earlier will do: it is set anew then.
func (ss *session) setAlarm() {
	for _, sub := range ss.subs {
		if sub == nil || sub.again.IsZero() {
			continue
		}
		at := sub.again
		sub.again = time.Time{}
		if now := time.Now(); now.Before(ss.alarm) && !at.Before(ss.alarm) {
			continue
		}
		ss.alarm = at
		time.AfterFunc(time.Until(at), ss.wake)
	}
}
