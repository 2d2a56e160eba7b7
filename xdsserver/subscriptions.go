package xdsserver

import (
	"strings"
	"time"

	"legate/metrics"
)

// subscriptions is how far each open stream is with each type that it asks for, for the metrics. A scrape pays for it,
// and no change: nothing is counted meanwhile.
func (s *Server) subscriptions() []metrics.Subscription {
	now := time.Now()
	var all []metrics.Subscription
	for _, r := range s.callbacks.records() {
		far := r.progress()
		r.mu.Lock()
		for _, t := range r.types {
			is := TypeStatus{State: t.state(), Since: t.since}
			is.with(far[t.typeURL])
			sub := metrics.Subscription{Stream: r.stream, Node: r.id, Type: t.typeURL, State: stateLabel(is.State)}
			switch {
			case is.State == Synced:
			case is.State == Stale && !is.Waiting.IsZero():
				sub.Waits = max(0, now.Sub(is.Waiting))
			default:
				sub.Waits = max(0, now.Sub(is.Since))
			}
			all = append(all, sub)
		}
		r.mu.Unlock()
	}
	return all
}

// stateLabel is a state as a label's value.
func stateLabel(s State) string { return strings.ReplaceAll(strings.ToLower(string(s)), " ", "_") }
