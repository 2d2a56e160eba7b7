package admission

import (
	"time"

	"golang.org/x/time/rate"
)

// Rates are token buckets. The rate of an address, and that of all addresses together, are multiples of the rate in
// Limits, which is that of one stream or one connection.
const (
	addressFresh = 4
	allFresh     = 16
	// Changes of names have larger ones: if the whole catalog changes, a fleet behind one address changes all names at
	// the same moment.
	addressChanges = 200
	allChanges     = 400
	addressRefused = 10
	// That of an address is in Limits here.
	allUnproven = 2
)

// freshNames limits names that nobody had asked for. Its burst is as many as a stream may ask for of one type.
func freshNames(l *Limits, names, times int) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(l.FreshNames*times), names*times)
}

// nameChanges limits names that a stream begins or ceases to ask for. Its burst lets a stream ask for as many names of
// two types as it may, and then replace all of them.
func nameChanges(l *Limits, names, times int) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(l.NameChanges*times), 4*names*times)
}

// unprovenBytes limits bytes of messages that may never end. Its burst is those of half a second.
func unprovenBytes(l *Limits, times int) *rate.Limiter {
	n := times * l.UnprovenBytes
	return rate.NewLimiter(rate.Limit(n), (n+1)/2)
}

// refusedStreams limits refusals without a delay.
func refusedStreams(l *Limits, times int) *rate.Limiter {
	n := times * l.RefusedStreams
	return rate.NewLimiter(rate.Every(l.NewStreamWait/time.Duration(n)), n)
}

// areFull reports whether all limiters have all of their tokens.
func areFull(now time.Time, limiters ...*rate.Limiter) bool {
	for _, l := range limiters {
		if l.TokensAt(now) < float64(l.Burst()) {
			return false
		}
	}
	return true
}

// maxDebt bounds how long an address, or all of them, may have to wait.
const maxDebt = time.Minute

// debt returns how long it takes until a limiter has tokens again.
func debt(l *rate.Limiter, now time.Time) time.Duration {
	return time.Duration(max(0, -l.TokensAt(now)) / float64(l.Limit()) * float64(time.Second))
}

// reserve takes n tokens, and returns how long to wait for them.
func reserve(l *rate.Limiter, now time.Time, n int) time.Duration {
	if debt(l, now) > maxDebt {
		return maxDebt
	}
	return l.ReserveN(now, min(n, l.Burst())).DelayFrom(now)
}
