package discovery

import (
	"context"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/guard"
	"legate/discovery/watch"
)

// queries is what the loop asks of package watch.
type queries interface {
	Watch(ctx context.Context, key catalog.ServiceKey) *watch.Service
	Unwatch(s *watch.Service, at time.Time)
	Schedule()
	Complete()
	Select(s catalog.Selection)
	Changed(s *watch.Service, at time.Time)

	ReadAgain(s *watch.Service)
	ReadSoon(s *watch.Service) (polled bool)
	RestartQuery(s *watch.Service)
	RestartAll(why string)
	ReadSignalled(signal watch.Signal, on func(s *watch.Service, nodes map[string]struct{}) bool)

	Check(ctx context.Context, s *watch.Service, p watch.Past, list bool)
	EndChecks(key catalog.ServiceKey)
	Confirm(s *watch.Service, p watch.Past)

	RereadEntries(kind string)
	CheckEntry(ctx context.Context, key catalog.EntryKey)

	Fails(s *watch.Service) bool
	ListFails() bool
}

// loop is the Watcher's event loop. It has the catalog and decides what is in it, and is one goroutine's.
type loop struct {
	w         *Watcher
	queries   queries
	ctx       context.Context
	site      catalog.Site
	selection catalog.Selection

	list     watch.Listed // the last one
	listed   bool         // there was one
	services services
	entries  entries
	complete bool // all of a list was read, once, and all kinds of entries
	seeded   bool // something of the catalog was believed before the start
	homes    homes
	guard    *guard.State
	served   served
	checks   checks
	report   report
}

func newLoop(w *Watcher, q queries, site catalog.Site, now time.Time) *loop {
	return &loop{
		w: w, queries: q, selection: w.cfg.Selection(), site: site,
		services: newServices(), entries: newEntries(w.cfg.Watch.Kinds(), now), homes: homes{}, guard: guard.New(w.cfg.Guard), served: newServed(), checks: checks{ticked: now}, report: report{w: w},
	}
}

// run takes events and offers what changed, until ctx ends.
func (l *loop) run(ctx context.Context, events <-chan watch.Event, out chan<- catalog.Delta) {
	l.ctx = ctx
	l.useSeed(l.w.seed)
	first := true
	ticker := time.NewTicker(ticking(l.w.cfg.Guard))
	defer ticker.Stop()
	defer func() { l.report.sumUp(l.selection.Tags, time.Now().Add(tallySpan)) }() // nothing is left untold
	for {
		var offer chan<- catalog.Delta
		var delta catalog.Delta
		if l.complete || l.w.other && l.seeded {
			if delta = l.served.pending.delta(l.served.catalog); first || !delta.Empty() {
				offer = out
			}
		}
		select {
		case <-ctx.Done():
			return
		case offer <- delta:
			first = false
			l.served.pending.sent()
			continue
		case e := <-events:
			l.handle(e)
			l.drain(events)
		case now := <-ticker.C:
			l.tick(now)
		case do := <-l.w.commands:
			do(l)
		case s := <-l.w.selections:
			l.reselect(s)
		case <-l.w.reconsidered.some:
			l.reconsider(time.Now())
		case policy := <-l.w.policies:
			l.observe(time.Now(), guard.MassPolicy{Policy: policy})
		}
		l.queries.Schedule()
		l.publish()
	}
}

// drain handles what else is there now, so that a burst is looked at once.
func (l *loop) drain(events <-chan watch.Event) {
	for {
		select {
		case e := <-events:
			l.handle(e)
		default:
			return
		}
	}
}

// handle takes in what the queries found out.
func (l *loop) handle(e watch.Event) {
	switch e := e.(type) {
	case watch.Answered:
		l.answered(e)
	case watch.Listed:
		l.relist(e)
	case watch.Confirmed:
		l.confirmed(e)
	case watch.Checked:
		l.checked(e)
	case watch.Refused:
		l.refuse(e)
	case watch.Signal:
		l.queries.ReadSignalled(e, l.isOn)
	case watch.EntriesListed:
		l.entriesListed(e)
	case watch.EntriesRefused:
		l.entriesTold(e.Kind)
	case watch.EntryChecked:
		l.entryChecked(e)
	case watch.Restart:
		if e.IndexWentBack {
			l.observe(e.At, guard.IndexWentBack{})
		}
		l.queries.RestartAll(e.Why)
	}
}

// tick is what time alone brings.
func (l *loop) tick(now time.Time) {
	d := l.observe(now, guard.Elapsed{})
	l.checks.due, l.entries.due = d.Ask, d.AskEntries
	if every := l.w.cfg.Guard.Reread; every > 0 && l.complete {
		l.rereadEntries(now, every)
		l.checks.earn(now, len(l.services.byName), every)
	}
	l.checks.ticked = now
	l.report.sumUp(l.selection.Tags, now)
	l.stopWaiting(now)
	l.forgetUnwanted(now)
	l.startChecks(now)
	l.startEntryChecks(now)
}

// ticking is how often tick is called: often enough for the shortest of the guard's times.
func ticking(c guard.Config) time.Duration {
	t := time.Second
	for _, d := range []time.Duration{c.Confirm, c.Empty, c.DatacenterHold} {
		if d > 0 {
			t = min(t, max(d/5, 10*time.Millisecond))
		}
	}
	return t
}

// publish shows the state to Status and the metrics.
func (l *loop) publish() {
	l.report.showHolds(l.guard, time.Now())
	l.report.showMass(l.guard)
	instances := map[string]int{}
	for h := catalog.Passing; h <= catalog.Maintenance; h++ {
		instances[h.String()] = l.served.health[h]
	}
	entries := l.byKind()
	l.w.metrics.Catalog(len(l.served.catalog.Services), instances)
	l.w.metrics.Entries(entries)
	var unread *catalog.Problem
	if l.complete {
		unread = l.services.unreadProblem(l.served.catalog)
	}
	refused, names := l.services.refusedProblem(), l.services.refusedNames()
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	l.w.status.Services, l.w.status.Instances, l.w.status.Entries = len(l.served.catalog.Services), instances, entries
	if !l.w.status.Complete {
		l.w.status.FirstSync = Progress{Done: len(l.services.byName) - l.services.unread, Total: len(l.services.byName)}
	}
	l.w.status.Complete = l.complete
	l.w.unread, l.w.refused, l.w.refusedNames = unread, refused, names
}
