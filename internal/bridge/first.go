package bridge

import (
	"time"

	"legate/discovery/catalog"
	"legate/translate"
	"legate/xdsserver"
)

// Only what was translated says which services others are served from, and where only these are read, the first Delta
// cannot have them. A batch without them would take endpoints from every client that connects again. So the first
// batch waits for them, and Deltas are taken over meanwhile. The wait is bounded.

// lookFirst is how often it is looked whether the first batch still waits.
const lookFirst = 20 * time.Millisecond

// first is the first batch until it is published. Only Run uses it.
type first struct {
	span   time.Duration
	waits  func(translate.Resources) bool // nil: it does not
	from   translate.Resources            // what it is compared with: nothing
	all    catalog.Catalog                // what it is made of
	since  time.Time                      // the oldest answer in that
	until  time.Time                      // when it waits no longer
	look   <-chan time.Time               // when to look again; nil: it does not wait
	begins bool                           // there was a Delta
}

// Await has the first batch wait while waits is true of what it would be made of, for the span at most. By then
// OnInterest's function was told, and State has the Resources. It is called before Run, and waits must not block.
func (b *Bridge) Await(span time.Duration, waits func(translate.Resources) bool) {
	b.first.span, b.first.waits = span, waits
}

// takeFirst takes over a Delta from before the first batch.
func (b *Bridge) takeFirst(d catalog.Delta) {
	f := &b.first
	if !f.begins {
		f.begins, f.until, f.since = true, b.taken.Add(f.span), d.Since
		f.from, _ = translate.New(b.config).With(b.policies)
		b.change(func(s *State) { s.Resources = f.from })
	}
	if !d.Since.IsZero() && d.Since.Before(f.since) {
		f.since = d.Since
	}
	f.all = f.all.Apply(d)
	to, _ := b.State().Resources.Apply(d)
	b.change(func(s *State) { s.Resources = to })
	b.interest()
}

// publishFirst publishes the first batch, if it waits for nothing.
func (b *Bridge) publishFirst() {
	f, to, now := &b.first, b.State().Resources, time.Now()
	if f.waits != nil && now.Before(f.until) && f.waits(to) {
		f.look = time.After(lookFirst)
		return
	}
	view := xdsserver.View{Datacenter: b.config.Datacenter, Kind: xdsserver.Envoy}
	batch := to.Diff(f.from)
	batch.At = now
	b.server.Publish(view, batch)
	b.report(to.DiffProblems(f.from))
	b.change(func(s *State) { s.View, s.Changed, s.Complete = view, now, now })
	d := catalog.Catalog{}.Diff(f.all)
	d.Since = f.since
	b.log.Info("first complete snapshot", "datacenter", view.Datacenter, "services", len(d.Set), "seconds", seconds(now.Sub(b.State().Since)))
	b.recordFirst(d, now)
	b.first = first{}
	b.served()
}
