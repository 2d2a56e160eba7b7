package watch

import (
	"cmp"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
)

// outages knows which loops fail and why, tells the log once for each kind of failure however
// many loops have it, sums up those that come again and again, and wakes those who wait when Consul
// answers again.
type outages struct {
	log *slog.Logger

	mu          sync.Mutex
	kinds       map[consul.Failure]*outage
	of          map[string]failing // by loop
	before      map[consul.Failure]*series
	back        chan struct{} // closed and replaced when a failing loop recovers
	sick        chan struct{} // closed and replaced when the first loop fails
	lastSuccess time.Time
	lastError   error
	lastErrorAt time.Time
	over        []Outage // the last ones, the newest first
}

// outage is one kind of failure that some loops have now.
type outage struct {
	since time.Time
	loops int
	cause error  // the first, or the first that asks for another remedy
	loop  string // that has it
	told  bool   // the log has a line about it
}

// failing is what one loop has: the last cause.
type failing struct {
	kind  consul.Failure
	cause error
}

func newOutages(log *slog.Logger) *outages {
	return &outages{
		log:   log,
		kinds: map[consul.Failure]*outage{},
		of:    map[string]failing{},

		before: map[consul.Failure]*series{},
		back:   make(chan struct{}),
		sick:   make(chan struct{}),
	}
}

// failed says that a loop's query failed.
func (o *outages) failed(loop string, err error, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lastError, o.lastErrorAt = err, now
	kind := consul.FailureOf(err)
	if o.of[loop].kind == kind {
		o.of[loop] = failing{kind, err}
		a := o.kinds[kind]
		if consul.RemedyOf(err) != consul.RemedyOf(a.cause) {
			a.cause, a.loop = err, loop
		}
		if !a.told && now.Sub(a.since) >= seriesLasts {
			o.tell(a)
		}
		return
	}
	o.end(loop, now)
	if len(o.of) == 0 {
		close(o.sick)
		o.sick = make(chan struct{})
	}
	o.of[loop] = failing{kind, err}
	a := o.kinds[kind]
	if a == nil {
		a = &outage{since: now, cause: err, loop: loop}
		o.kinds[kind] = a
		if o.before[kind] == nil {
			o.before[kind] = &series{}
		}
		if o.before[kind].line(now) {
			o.tell(a)
		}
	}
	a.loops++
}

func (o *outages) tell(a *outage) {
	a.told = true
	o.log.Warn("consul does not answer as it should, what is known of it stays",
		"kind", consul.FailureOf(a.cause), "error", a.cause, "remedy", consul.RemedyOf(a.cause))
}

// sumUp needs the lock. It tells of the outages that had no line of their own.
func (o *outages) sumUp(now time.Time) {
	for kind, r := range o.before {
		if n := r.sum(now); n > 0 {
			o.log.Warn("consul is away and back again and again", "kind", kind, "times", n,
				"seconds", now.Sub(r.since).Round(time.Second).Seconds(), "error", r.cause, "remedy", consul.RemedyOf(r.cause))
		}
	}
}

// answered says that a loop's query was answered and believed.
func (o *outages) answered(loop string, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lastSuccess = now
	o.sumUp(now)
	if _, failing := o.of[loop]; !failing {
		return
	}
	o.end(loop, now)
	close(o.back)
	o.back = make(chan struct{})
}

// failing says whether a loop's last query failed.
func (o *outages) failing(loop string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, failing := o.of[loop]
	return failing
}

// forget takes a loop out that has ended.
func (o *outages) forget(loop string, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.end(loop, now)
}

// end needs the lock. A loop fails no more.
func (o *outages) end(loop string, now time.Time) {
	has, failing := o.of[loop]
	if !failing {
		return
	}
	delete(o.of, loop)
	kind := has.kind
	a := o.kinds[kind]
	if a.loops--; a.loops > 0 {
		o.handOver(a, loop, kind)
		return
	}
	delete(o.kinds, kind)
	o.before[kind].end(a.told, a.cause, now)
	o.over = slices.Insert(o.over[:min(len(o.over), maxOutages-1)], 0, Outage{Kind: kind, Since: a.since, Over: now, Detail: a.cause.Error()})
	if !a.told {
		return
	}
	seconds := now.Sub(a.since).Seconds()
	if len(o.kinds) == 0 {
		o.log.Info("consul is back", "kind", kind, "outage_seconds", seconds)
	} else {
		o.log.Info("consul is better", "kind", kind, "outage_seconds", seconds)
	}
}

// past is how many loops fail now, and the last outages that are over.
func (o *outages) past() (failing int, over []Outage) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.of), append([]Outage{}, o.over...)
}

// handOver lets another loop stand for those that fail as the one did that fails no more. It needs the lock.
func (o *outages) handOver(a *outage, gone string, kind consul.Failure) {
	if a.loop != gone {
		return
	}
	for loop, has := range o.of {
		if has.kind == kind {
			a.loop, a.cause = loop, has.cause
			return
		}
	}
}

// concerns names what the loops ask about that fail in this way. It needs the lock.
func (o *outages) concerns(kind consul.Failure) string {
	names := map[string]struct{}{}
	for loop, has := range o.of {
		if has.kind == kind {
			_, service, _ := strings.Cut(loop, "/")
			names[cmp.Or(service, "the "+loop)] = struct{}{}
		}
	}
	sorted := slices.Sorted(maps.Keys(names))
	return catalog.SomeOf(len(sorted), func(i int) string { return sorted[i] })
}

// recovery is closed when a loop that failed was answered.
func (o *outages) recovery() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.back
}

// sickness is closed when a loop fails while no other does.
func (o *outages) sickness() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sick
}
