package discovery

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
)

// trouble knows which loops fail and why, tells the log once for each kind of failure however
// many loops have it, sums up those that come again and again, and wakes those who wait when Consul
// answers again.
type trouble struct {
	log *slog.Logger

	mu          sync.Mutex
	kinds       map[consul.Failure]*ailment
	of          map[string]failing // by loop
	before      map[consul.Failure]*relapses
	back        chan struct{} // closed and replaced when a failing loop recovers
	sick        chan struct{} // closed and replaced when the first loop fails
	lastSuccess time.Time
	lastError   error
	lastErrorAt time.Time
}

// ailment is one kind of failure that some loops have now.
type ailment struct {
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

func newTrouble(log *slog.Logger) *trouble {
	return &trouble{
		log:   log,
		kinds: map[consul.Failure]*ailment{},
		of:    map[string]failing{},

		before: map[consul.Failure]*relapses{},
		back:   make(chan struct{}),
		sick:   make(chan struct{}),
	}
}

// failed says that a loop's query failed.
func (t *trouble) failed(loop string, err error, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lastError, t.lastErrorAt = err, now
	kind := consul.FailureOf(err)
	if t.of[loop].kind == kind {
		t.of[loop] = failing{kind, err}
		a := t.kinds[kind]
		if consul.RemedyOf(err) != consul.RemedyOf(a.cause) {
			a.cause, a.loop = err, loop
		}
		if !a.told && now.Sub(a.since) >= relapseLasts {
			t.tell(a)
		}
		return
	}
	t.leave(loop, now)
	if len(t.of) == 0 {
		close(t.sick)
		t.sick = make(chan struct{})
	}
	t.of[loop] = failing{kind, err}
	a := t.kinds[kind]
	if a == nil {
		a = &ailment{since: now, cause: err, loop: loop}
		t.kinds[kind] = a
		if t.before[kind] == nil {
			t.before[kind] = &relapses{}
		}
		if t.before[kind].line(now) {
			t.tell(a)
		}
	}
	a.loops++
}

func (t *trouble) tell(a *ailment) {
	a.told = true
	t.log.Warn("consul does not answer as it should, what is known of it stays",
		"kind", consul.FailureOf(a.cause), "error", a.cause, "remedy", consul.RemedyOf(a.cause))
}

// sumUp needs the lock. It tells of the outages that had no line of their own.
func (t *trouble) sumUp(now time.Time) {
	for kind, r := range t.before {
		if n := r.sum(now); n > 0 {
			t.log.Warn("consul is away and back again and again", "kind", kind, "times", n,
				"seconds", now.Sub(r.since).Round(time.Second).Seconds(), "error", r.cause, "remedy", consul.RemedyOf(r.cause))
		}
	}
}

// answered says that a loop's query was answered and believed.
func (t *trouble) answered(loop string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lastSuccess = now
	t.sumUp(now)
	if _, failing := t.of[loop]; !failing {
		return
	}
	t.leave(loop, now)
	close(t.back)
	t.back = make(chan struct{})
}

// failing says whether a loop's last query failed.
func (t *trouble) failing(loop string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, failing := t.of[loop]
	return failing
}

// forget takes a loop out that has ended.
func (t *trouble) forget(loop string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.leave(loop, now)
}

// leave needs the lock.
func (t *trouble) leave(loop string, now time.Time) {
	has, failing := t.of[loop]
	if !failing {
		return
	}
	delete(t.of, loop)
	kind := has.kind
	a := t.kinds[kind]
	if a.loops--; a.loops > 0 {
		t.heir(a, loop, kind)
		return
	}
	delete(t.kinds, kind)
	t.before[kind].end(a.told, a.cause, now)
	if !a.told {
		return
	}
	seconds := now.Sub(a.since).Seconds()
	if len(t.kinds) == 0 {
		t.log.Info("consul is back", "kind", kind, "outage_seconds", seconds)
	} else {
		t.log.Info("consul is better", "kind", kind, "outage_seconds", seconds)
	}
}

// heir lets another loop stand for those that fail as the one did that fails no more. It needs the lock.
func (t *trouble) heir(a *ailment, gone string, kind consul.Failure) {
	if a.loop != gone {
		return
	}
	for loop, has := range t.of {
		if has.kind == kind {
			a.loop, a.cause = loop, has.cause
			return
		}
	}
}

// concerns names what the loops ask about that fail in this way. It needs the lock.
func (t *trouble) concerns(kind consul.Failure) string {
	names := map[string]struct{}{}
	for loop, has := range t.of {
		if has.kind == kind {
			_, service, _ := strings.Cut(loop, "/")
			names[cmp.Or(service, "the "+loop)] = struct{}{}
		}
	}
	sorted := slices.Sorted(maps.Keys(names))
	return listOf(sorted[:min(len(sorted), someNames)], len(sorted))
}

// recovery is closed when a loop that failed was answered.
func (t *trouble) recovery() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.back
}

// sickness is closed when a loop fails while no other does.
func (t *trouble) sickness() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sick
}

// describe adds what is wrong to a status.
func (t *trouble) describe(s *Status) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.LastSuccess = t.lastSuccess
	if t.lastError != nil {
		s.LastError, s.LastErrorAt = t.lastError.Error(), t.lastErrorAt
	}
	s.Connected = !t.lastSuccess.IsZero() && len(t.kinds) == 0
	for kind, a := range t.kinds {
		s.Problems = append(s.Problems, catalog.Problem{
			Kind: string(kind), Since: a.since, Queries: a.loops,
			Detail: fmt.Sprintf("%v (of %s)", a.cause, t.concerns(kind)), Remedy: consul.RemedyOf(a.cause),
		})
	}
	now := time.Now()
	for kind, r := range t.before {
		if t.kinds[kind] == nil && r.repeats(now) {
			s.Problems = append(s.Problems, catalog.Problem{
				Kind: string(kind), Since: r.first,
				Detail: fmt.Sprintf("again and again, %d times so far, the last time %v ago: %v", r.row, now.Sub(r.over).Round(time.Second), r.cause),
				Remedy: consul.RemedyOf(r.cause),
			})
		}
	}
	slices.SortFunc(s.Problems, func(a, b catalog.Problem) int { return a.Since.Compare(b.Since) })
}
