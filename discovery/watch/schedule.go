package watch

import (
	"maps"
	"slices"
)

// Schedule gives blocking queries to services, and begins to read those that are new. It does nothing if
// none came or went since it was last called, and there is no more or less room for queries.
func (q *Queries) Schedule() {
	if !q.dirty && q.client.CapacityChanges() == q.capacity {
		return
	}
	q.dirty = false
	q.client.Want(len(q.services) + 1 + len(q.entries) + reserve)
	q.capacity = q.client.CapacityChanges() // before slots: what changes after it is seen the next time
	q.schedule(q.slots())
}

// schedule is for so many blocking queries.
func (q *Queries) schedule(slots int) {
	names := slices.Sorted(maps.Keys(q.services))
	chosen := choose(names, func(name string) bool { return q.ring.isDirect(q.services[name]) }, slots)
	for _, name := range names {
		s := q.services[name]
		start := false
		if chosen[name] {
			q.lru.append(s)
			start = q.ring.makeDirect(s)
		} else {
			q.lru.remove(s)
			if q.ring.makePolled(s) {
				s.asks.restart() // it frees its connection now, not when its wait is over
			}
		}
		if start || !s.started {
			s.started = true
			q.loops.Go(func() { q.watch(s) })
		}
	}
	q.note(len(chosen), len(names)-len(chosen))
}

// choose says which services have a blocking query of their own, out of all names, sorted, for at most
// slots of them: those that have one keep it, since a change costs a connection, then by name.
func choose(names []string, has func(string) bool, slots int) map[string]bool {
	chosen := make(map[string]bool, min(len(names), slots))
	for _, kept := range []bool{true, false} {
		for _, name := range names {
			if len(chosen) < slots && has(name) == kept {
				chosen[name] = true
			}
		}
	}
	return chosen
}

// slots is how many blocking queries on services there may be beside those for the list and the config
// entries, and the reserve.
func (q *Queries) slots() int { return q.client.Capacity() - 1 - len(q.entries) - reserve }

// note counts the services with a blocking query and those that are polled. It says once that connections
// are short, and again only after they were not.
func (q *Queries) note(watched, polled int) {
	q.metrics.Watches(watched, polled, q.client.MaxConnections())
	q.watched.Store(int64(watched))
	q.polled.Store(int64(polled))
	if polled > 0 && !q.warned {
		q.log.Warn("more services than connections to consul: those that change are watched, the others are read when a signal names them and in turn: correct, only slower",
			"services", watched+polled, "swept", polled, "max_connections", q.client.MaxConnections(), "remedy", q.shortRemedy())
	}
	q.warned = polled > 0
}

// shortRemedy is what helps where there are more services than connections.
func (q *Queries) shortRemedy() string {
	const more = "raise limits.http_max_conns_per_client in Consul and then --max-connections here"
	if _, http2 := q.client.Connections(); http2 {
		return more
	}
	return "use https (HTTP/2), or " + more
}
