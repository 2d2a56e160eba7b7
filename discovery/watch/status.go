package watch

import (
	"fmt"
	"slices"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
)

// FewConnections is the kind of the problem that says that not each service has a connection. It is a hint: nothing fails.
const FewConnections = "connections"

// Status is how Consul answers, and how it is watched.
type Status struct {
	Connected   bool // no query fails
	LastSuccess time.Time
	LastError   string // stays after it was overcome
	LastErrorAt time.Time

	Direct int // services with a blocking query of their own
	Swept  int // services that are polled
	// Mode is direct (each service has a blocking query), signals (some have, and signals name
	// what changes among the others) or sweep (there are no signals, the others are polled in turn).
	Mode string

	Problems []catalog.Problem // what makes it slow, or fail; the oldest first
}

// Status may be called at any time, from any goroutine.
func (q *Queries) Status() Status {
	s := Status{Direct: int(q.watched.Load()), Swept: int(q.polled.Load()), Mode: "direct"}
	if s.Swept > 0 {
		n, signalled, _ := q.ring.sweeping(time.Now())
		round := time.Duration(n) * q.sweepInterval()
		within, all := "that, too", ""
		if q.client.Shared() {
			all = " for all datacenters and peers"
		}
		if s.Mode = "sweep"; signalled {
			s.Mode, within = "signals", "a second or two"
		}
		s.Problems = append(s.Problems, catalog.Problem{
			Kind: FewConnections,
			Detail: fmt.Sprintf("%d of %d services have no connection of their own, because there are only %d%s: changes of health and instances show within %s, all others within a round of %v",
				s.Swept, s.Direct+s.Swept, q.client.MaxConnections(), all, within, round.Round(time.Second)),
			Remedy: q.shortRemedy(),
		})
	}
	q.outages.describe(&s)
	return s
}

// Standing are the problems with what the token may read. It may be called from any goroutine.
func (q *Queries) Standing() []catalog.Problem {
	return slices.Concat(q.filtered.problems(), q.access.problems())
}

// Fails says that the last question about a service failed.
func (q *Queries) Fails(s *Service) bool { return q.outages.failing(s.loop()) }

// ListFails says that the list of services cannot be read now.
func (q *Queries) ListFails() bool {
	return q.outages.failing(loopList) || q.outages.failing(loopCanary)
}

// describe adds what is wrong to a status.
func (o *outages) describe(s *Status) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s.LastSuccess = o.lastSuccess
	if o.lastError != nil {
		s.LastError, s.LastErrorAt = o.lastError.Error(), o.lastErrorAt
	}
	s.Connected = !o.lastSuccess.IsZero() && len(o.kinds) == 0
	for kind, a := range o.kinds {
		s.Problems = append(s.Problems, catalog.Problem{
			Kind: string(kind), Since: a.since, Queries: a.loops,
			Detail: fmt.Sprintf("%v (of %s)", a.cause, o.concerns(kind)), Remedy: consul.RemedyOf(a.cause),
		})
	}
	now := time.Now()
	for kind, r := range o.before {
		if o.kinds[kind] == nil && r.repeats(now) {
			s.Problems = append(s.Problems, catalog.Problem{
				Kind: string(kind), Since: r.first,
				Detail: fmt.Sprintf("again and again, %d times so far, the last time %v ago: %v", r.row, now.Sub(r.over).Round(time.Second), r.cause),
				Remedy: consul.RemedyOf(r.cause),
			})
		}
	}
	slices.SortFunc(s.Problems, func(a, b catalog.Problem) int { return a.Since.Compare(b.Since) })
}
