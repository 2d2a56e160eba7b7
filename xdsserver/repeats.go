package xdsserver

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// logEvery is how often an event that goes on is logged.
const logEvery = time.Minute

// repeats logs events that many clients may have at once, such as a resource that all of them reject. Each
// event is logged once, with the number of clients and of occurrences, and again each minute while it goes
// on.
type repeats struct {
	log *slog.Logger
	now func() time.Time

	mu    sync.Mutex
	of    map[event]*crowd
	lines map[string]int // how many events there are of a message
}

// event is a log message about a resource. The name is empty if it is not known.
type event struct{ message, typeURL, name string }

// crowd counts the clients that had an event since it was logged last.
type crowd struct {
	nodes  map[string]struct{}
	times  int
	node   string // the client that had it last
	why    string // what that one said
	remedy string
	due    time.Time // when the event is logged next
}

// gatherFor is how long an event waits before it is first logged, so that the line can count all clients.
const gatherFor = time.Second

// maxRepeats is how many events with the same message are logged separately in a minute; the others share
// one line. maxNodes is how many nodes of an event are told apart.
const (
	maxRepeats = 20
	maxNodes   = 5000
)

func newRepeats(log *slog.Logger, now func() time.Time) *repeats {
	return &repeats{log: log, now: now, of: map[event]*crowd{}, lines: map[string]int{}}
}

// add counts an event of a node.
func (r *repeats) add(message, typeURL, name, node, why, remedy string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := event{message, typeURL, name}
	c := r.of[key]
	if c == nil && r.lines[message] >= maxRepeats {
		key.typeURL, key.name = "", ""
		c = r.of[key]
	}
	if c == nil {
		c = &crowd{nodes: map[string]struct{}{}, due: r.now().Add(gatherFor)}
		r.of[key] = c
		r.lines[message]++
	}
	if len(c.nodes) < maxNodes {
		c.nodes[node] = struct{}{}
	}
	c.times++
	c.node, c.why, c.remedy = node, why, remedy
}

// run logs events when they are due until the context is done, and then those that are left.
func (r *repeats) run(ctx context.Context) {
	tick := time.NewTicker(gatherFor / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			r.last()
			return
		case <-tick.C:
			r.say()
		}
	}
}

// say logs the events that are due, and forgets those that did not happen again.
func (r *repeats) say() {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	for e, c := range r.of {
		switch {
		case now.Before(c.due):
		case c.times == 0:
			delete(r.of, e)
			if r.lines[e.message]--; r.lines[e.message] == 0 {
				delete(r.lines, e.message)
			}
		default:
			r.line(e, c)
			*c = crowd{nodes: map[string]struct{}{}, due: now.Add(logEvery)}
		}
	}
}

// last logs all events that were not logged yet.
func (r *repeats) last() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for e, c := range r.of {
		if c.times > 0 {
			r.line(e, c)
		}
	}
	clear(r.of)
	clear(r.lines)
}

func (r *repeats) line(e event, c *crowd) {
	r.log.Warn(e.message, "type", e.typeURL, "name", e.name, "node", c.node, "nodes", len(c.nodes), "times", c.times, "error", c.why, "remedy", c.remedy)
}
