package watch

import (
	"context"
	"time"

	"legate/discovery/consul"
)

// signalEvery is the shortest time between two answers about all checks. Each costs Consul in
// proportion to the number of checks (60 ms of CPU for 4,000), and a busy catalog changes all the
// time. With this pace a change is seen after 0.9 s in the median.
const signalEvery = 1800 * time.Millisecond

type checkID struct{ node, id string }

// checkState is what a check said.
type checkState struct{ status, service, instance string }

// signals follows all health checks with one blocking query, paced, while there are services
// without a blocking query of their own, and names those whose checks came, went or changed
// their status. It believes nothing: what it names is read again, and judged then.
func (q *Queries) signals(ctx context.Context) {
	const loop = "signals"
	pause := q.backoff()
	var cost listCost
	var index uint64
	var known map[checkID]checkState
	for ctx.Err() == nil {
		if q.ring.size() == 0 {
			q.ring.setSignalled(false)
			q.outages.forget(loop, time.Now())
			index, known = 0, nil
			if !q.ring.awaitSome(ctx) {
				return
			}
		}
		checks, r, err := q.askChecks(ctx, consul.Question{Index: index})
		if ctx.Err() != nil {
			return
		}
		if err == nil && r.Index <= 1 {
			err = notBelieved{doubt: indexOne}
		}
		if err != nil {
			q.metrics.Query(string(consul.FailureOf(err)), r.Took)
			q.outages.failed(loop, err, time.Now())
			q.ring.setSignalled(false) // the sweep is faster without
			index = 0
			q.backOff(ctx, &pause)
			continue
		}
		q.outages.answered(loop, time.Now())
		pause.reset()
		index = r.Index // also if it went back: what is compared is this answer
		now := make(map[checkID]checkState, len(checks))
		for _, c := range checks {
			now[checkID{c.Node, c.CheckID}] = checkState{c.Status, c.ServiceName, c.ServiceID}
		}
		outcome := "unchanged"
		if known != nil {
			if s := compareChecks(known, now); len(s.services)+len(s.nodes) > 0 {
				outcome = "changed"
				q.tell(ctx, s)
			}
		}
		q.metrics.Query(outcome, r.Took)
		known = now
		q.ring.setSignalled(true)
		cost.learn(r.Took, len(checks))
		sleep(ctx, max(signalEvery, cost.pause(len(checks))))
	}
}

// askChecks asks for all checks there are, with the places kept.
func (q *Queries) askChecks(ctx context.Context, how consul.Question) ([]consul.Check, consul.Reply, error) {
	release, err := q.acquire(ctx, how)
	if err != nil {
		return nil, consul.Reply{}, err
	}
	defer release()
	return q.client.Checks(ctx, how)
}

// compareChecks is a pure function of two answers.
func compareChecks(was, now map[checkID]checkState) Signal {
	s := Signal{services: map[string]struct{}{}, nodes: map[string]struct{}{}}
	name := func(id checkID, of checkState) {
		if of.service == "" {
			s.nodes[id.node] = struct{}{}
		} else {
			s.services[of.service] = struct{}{}
		}
	}
	for id, is := range now {
		before, known := was[id]
		if known && before == is {
			continue
		}
		name(id, is)
		if known && before.service != is.service {
			name(id, before)
		}
		s.came = s.came || !known
	}
	for id, before := range was {
		if _, still := now[id]; !still {
			name(id, before)
			s.came = true
		}
	}
	return s
}

// ReadSignalled has the services polled at once that a signal names and that have no blocking query to tell.
// on says whether a service has an instance on one of the nodes.
func (q *Queries) ReadSignalled(signal Signal, on func(s *Service, nodes map[string]struct{}) bool) {
	n := 0
	enqueue := func(s *Service) {
		if s != nil && q.ring.makeUrgent(s) {
			n++
		}
	}
	for name := range signal.services {
		enqueue(q.services[name])
	}
	if len(signal.nodes) > 0 {
		for name, s := range q.services {
			if _, named := signal.services[name]; !named && on(s, signal.nodes) {
				enqueue(s)
			}
		}
	}
	q.metrics.Signals(n)
	if signal.came {
		q.ring.explained(time.Now())
	}
}
