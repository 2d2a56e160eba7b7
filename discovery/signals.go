package discovery

import (
	"context"
	"slices"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
)

// signalEvery is the shortest time between two answers about all checks. Each costs Consul in
// proportion to the number of checks (60 ms of CPU for 4,000), and a busy catalog changes all the
// time. With this pace a change is seen after 0.9 s in the median.
const signalEvery = 1800 * time.Millisecond

type checkID struct{ node, id string }

// standing is what a check said.
type standing struct{ status, service, instance string }

// signals follows all health checks with one blocking query, paced, while there are services
// without a blocking query of their own, and names those whose checks came, went or changed
// their status. It believes nothing: what it names is read again, and judged then.
func (w *Watcher) signals(ctx context.Context) {
	const loop = "signals"
	pause := w.backoff()
	var cost listCost
	var index uint64
	var known map[checkID]standing
	for ctx.Err() == nil {
		if w.rotation.size() == 0 {
			w.rotation.signalled(false)
			w.trouble.forget(loop, time.Now())
			index, known = 0, nil
			if !w.rotation.needed(ctx) {
				return
			}
		}
		checks, r, err := w.askChecks(ctx, consul.Question{Index: index})
		if ctx.Err() != nil {
			return
		}
		if err == nil && r.Index <= 1 {
			err = notBelieved{doubt: indexOne}
		}
		if err != nil {
			w.metrics.Query(string(consul.FailureOf(err)), r.Took)
			w.trouble.failed(loop, err, time.Now())
			w.rotation.signalled(false) // the sweep is faster without
			index = 0
			w.rest(ctx, &pause)
			continue
		}
		w.trouble.answered(loop, time.Now())
		pause.reset()
		index = r.Index // also if it went back: what is compared is this answer
		now := make(map[checkID]standing, len(checks))
		for _, c := range checks {
			now[checkID{c.Node, c.CheckID}] = standing{c.Status, c.ServiceName, c.ServiceID}
		}
		outcome := "unchanged"
		if known != nil {
			if s := compareChecks(known, now); len(s.services)+len(s.nodes) > 0 {
				outcome = "changed"
				w.tell(ctx, s)
			}
		}
		w.metrics.Query(outcome, r.Took)
		known = now
		w.rotation.signalled(true)
		cost.learn(r.Took, len(checks))
		sleep(ctx, max(signalEvery, cost.pause(len(checks))))
	}
}

// signal names services, and nodes of whose services, something has changed.
type signal struct {
	services map[string]struct{}
	nodes    map[string]struct{}
	came     bool // checks came or went, so that instances may have
}

// compareChecks is a pure function of two answers.
func compareChecks(was, now map[checkID]standing) signal {
	s := signal{services: map[string]struct{}{}, nodes: map[string]struct{}{}}
	name := func(id checkID, of standing) {
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

// apply hurries the services that are named and have no blocking query to tell.
func (s signal) apply(o *owner) {
	n := 0
	hurry := func(f *followed) {
		if f != nil && o.w.rotation.hurry(f) {
			n++
		}
	}
	for name := range s.services {
		hurry(o.follow[name])
	}
	if len(s.nodes) > 0 {
		for _, f := range o.follow {
			if slices.ContainsFunc(f.truth.Service.Instances, func(i catalog.Instance) bool { _, on := s.nodes[i.Node]; return on }) {
				hurry(f)
			}
		}
	}
	o.w.metrics.Signals(n)
	if s.came {
		o.w.rotation.explained(time.Now())
	}
}

// askChecks asks for all checks there are.
func (w *Watcher) askChecks(ctx context.Context, q consul.Question) ([]consul.Check, consul.Reply, error) {
	leave, err := w.place(ctx, q)
	if err != nil {
		return nil, consul.Reply{}, err
	}
	defer leave()
	return w.consul.Checks(ctx, q)
}

// renamed are the names whose tags differ in two lists.
func renamed(was, now consul.Listing) []string {
	var out []string
	for name, tags := range now {
		if before, known := was[name]; known && !slices.Equal(before, tags) {
			out = append(out, name)
		}
	}
	return out
}
