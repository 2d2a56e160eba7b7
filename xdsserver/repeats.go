package xdsserver

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// repeats logs what many clients meet: one line for each resource, with how many clients it was
// and how often, and while it goes on another one each minute.
type repeats struct {
	log *slog.Logger
	now func() time.Time

	mu sync.Mutex
	of map[event]*crowd
}

// event is what happens to many clients. Its name may be empty: not known.
type event struct{ message, typeURL, name string }

// crowd is who met an event since it was logged last.
type crowd struct {
	nodes  map[string]struct{}
	times  int
	node   string // the last one
	why    string // and what it said
	remedy string
	due    time.Time // when it is logged
}

// gatherFor is how long the first line waits for others, so that it says how many they are.
const gatherFor = time.Second

// maxRepeats is how many events of a minute have a line of their own; the others share one.
const maxRepeats = 100

func newRepeats(log *slog.Logger, now func() time.Time) *repeats {
	return &repeats{log: log, now: now, of: map[event]*crowd{}}
}

// add counts that something happened to a node.
func (r *repeats) add(message, typeURL, name, node, why, remedy string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := event{message, typeURL, name}
	c := r.of[key]
	if c == nil && len(r.of) >= maxRepeats {
		key.typeURL, key.name = "", ""
		c = r.of[key]
	}
	if c == nil {
		c = &crowd{nodes: map[string]struct{}{}, due: r.now().Add(gatherFor)}
		r.of[key] = c
	}
	c.nodes[node] = struct{}{}
	c.times++
	c.node, c.why, c.remedy = node, why, remedy
}

// run logs until the context is done, and then what is left.
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

// say logs what is due, and forgets what has not happened again for a minute.
func (r *repeats) say() {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	for e, c := range r.of {
		switch {
		case now.Before(c.due):
		case c.times == 0:
			delete(r.of, e)
		default:
			r.line(e, c)
			*c = crowd{nodes: map[string]struct{}{}, due: now.Add(logEvery)}
		}
	}
}

// last logs all that was not logged yet.
func (r *repeats) last() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for e, c := range r.of {
		if c.times > 0 {
			r.line(e, c)
		}
	}
	clear(r.of)
}

func (r *repeats) line(e event, c *crowd) {
	r.log.Warn(e.message, "type", e.typeURL, "name", e.name, "node", c.node, "nodes", len(c.nodes), "times", c.times, "error", c.why, "remedy", c.remedy)
}
