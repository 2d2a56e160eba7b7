package discovery

import (
	"context"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/discovery/guard"
)

// event is something that a loop found out. Only the owner's goroutine applies it.
type event interface{ apply(o *owner) }

// listed is a new list of services.
type listed struct {
	names consul.Listing
	at    time.Time
	index uint64
}

// readAs is a service as it was read, by its blocking query or in its turn.
type readAs struct {
	f       *followed
	reading consul.Reading
	reply   consul.Reply
	doubt   bool
}

// confirmed is what a service that is no longer listed looks like.
type confirmed struct {
	f        *followed
	readings int // of f when it was asked
	reading  consul.Reading
	reply    consul.Reply
	doubt    bool
}

// owner has the catalog and decides what is in it. It is one goroutine's.
type owner struct {
	w          *Watcher
	cfg        Config
	selection  catalog.Selection
	ctx        context.Context
	datacenter string
	policy     policy

	follow     map[string]*followed
	unread     int // of follow
	refused    map[*followed]refusedName
	unanswered int  // of refused: were never read
	moved      bool // follow changed since assign
	listed     bool // a list was seen
	last       listed
	complete   bool      // all of a list was read, once
	progress   time.Time // when a service was last read for the first time
	warned     bool      // about services without a connection
	recency    recency

	catalog catalog.Catalog
	health  map[catalog.Health]int
	outbox  outbox

	// What the guard decides, and what of that was shown.
	guard      *guard.State
	over       []guard.Ended // not logged yet
	holdsMoved bool
	shown      []Hold
	mass       bool
	shownMass  guard.Mass
	lines      struct{ held, over, deselected, missed, refused tally }

	// What is read again.
	ticked  time.Time
	looking int                  // looks under way
	due     []catalog.ServiceKey // holds to look at
	round   []*followed          // what is left of this round of re-reading
	rereads float64              // of the round that are due
	stirred time.Time            // when everything was last read again because something came back unheard
}

func newOwner(w *Watcher, datacenter string) *owner {
	return &owner{
		w: w, cfg: w.cfg, selection: w.cfg.Selection(), datacenter: datacenter, policy: firstByName,
		follow: map[string]*followed{}, recency: newRecency(), refused: map[*followed]refusedName{},
		catalog: catalog.Catalog{}, health: map[catalog.Health]int{},
		outbox: outbox{had: map[catalog.ServiceKey]*catalog.Service{}},
		guard:  guard.New(w.cfg.Guard), ticked: time.Now(),
	}
}

// run applies events and offers what changed, until ctx ends.
func (o *owner) run(ctx context.Context, out chan<- catalog.Delta) {
	o.ctx = ctx
	o.plant(o.w.seed)
	first := true
	ticker := time.NewTicker(o.cfg.Guard.Tick())
	defer ticker.Stop()
	defer func() { o.sumUp(time.Now().Add(tallySpan)) }() // nothing is left untold
	for {
		var offer chan<- catalog.Delta
		var delta catalog.Delta
		if o.complete {
			if delta = o.outbox.delta(o.catalog); first || !delta.Empty() {
				offer = out
			}
		}
		select {
		case <-ctx.Done():
			return
		case offer <- delta:
			first = false
			o.outbox.sent()
			continue
		case e := <-o.w.events:
			e.apply(o)
			o.drain()
		case now := <-ticker.C:
			o.tick(now)
		case s := <-o.w.selections:
			o.reselect(s)
		case policy := <-o.w.policies:
			o.observe(time.Now(), guard.MassPolicy{Policy: policy})
		}
		if o.moved {
			o.moved = false
			o.assign()
		}
		o.showHolds()
		o.showMass()
		o.publish()
	}
}

// drain applies what else is there now, so that a burst is looked at once.
func (o *owner) drain() {
	for {
		select {
		case e := <-o.w.events:
			e.apply(o)
		default:
			return
		}
	}
}

func (e listed) apply(o *owner) {
	if !o.listed {
		o.recall()
	}
	for _, name := range renamed(o.last.names, e.names) {
		if f := o.follow[name]; f != nil {
			o.w.rotation.hurry(f)
		}
	}
	if e.index < o.last.index { // the list's own query may see that before the canary does
		o.observe(e.at, guard.IndexWentBack{})
	}
	o.listed, o.last = true, e
	o.leaveOut(e)
	o.w.setIndex(e.index)
	for name, tags := range e.names {
		if !o.selection.Matches(name, tags) || !(catalog.ServiceKey{Name: name}).Askable() {
			continue
		}
		if f := o.follow[name]; f != nil {
			f.listed = true
			continue
		}
		o.begin(name)
	}
	for name, f := range o.follow {
		if tags, there := e.names[name]; !there || !o.selection.Matches(name, tags) {
			f.listed = false
			o.unlisted(f, e.at)
		}
	}
	o.finish()
}

// begin follows a new name. Its loop starts in assign.
func (o *owner) begin(name string) {
	key := catalog.ServiceKey{Datacenter: o.datacenter, Name: name}
	f := &followed{key: key, query: o.w.serviceQuery(key), listed: true}
	f.ctx, f.stop = context.WithCancel(o.ctx)
	f.begun = time.Now()
	o.follow[name] = f
	o.unread++
	o.moved = true
}

// unlisted decides on a service that is not in the list, or not with the tags that select its
// instances: it goes if it is known to have none, and is asked for if it is known to have some.
func (o *owner) unlisted(f *followed, at time.Time) {
	if len(o.catalog[f.key].Instances) == 0 {
		o.drop(f, at)
		return
	}
	if !f.confirming && !o.guard.Held(f.key) {
		f.confirming = true
		q, readings := o.second(f), f.readings
		o.w.loops.Go(func() { o.w.confirm(f, q, readings) })
	}
}

func (e readAs) apply(o *owner) {
	f := e.f
	if o.follow[f.key.Name] != f {
		return
	}
	o.answered(f)
	if !f.read {
		f.read = true
		o.unread--
		o.progress = e.reply.At
	}
	f.readings++
	moved := f.index > 1 && e.reply.Index > f.index
	f.index, f.filtered = e.reply.Index, e.reply.Filtered
	o.consider(f, answer{reading: e.reading, at: e.reply.At, consistent: e.reply.Consistent, moved: moved, doubt: e.doubt})
	o.finish()
}

func (e confirmed) apply(o *owner) {
	f := e.f
	f.confirming = false
	if o.follow[f.key.Name] != f || f.listed {
		return
	}
	if len(selected(o.selection, e.reading).Service.Instances) > 0 {
		return // it is there: its own query will tell when it is not
	}
	if f.readings != e.readings { // it was read while this was under way: which is newer?
		o.unlisted(f, e.reply.At)
		return
	}
	moved := f.index > 1 && e.reply.Index > f.index
	o.consider(f, answer{reading: e.reading, at: e.reply.At, consistent: true, moved: moved, doubt: e.doubt})
}

// drop ends following f and takes it out of the catalog.
func (o *owner) drop(f *followed, at time.Time) {
	f.stop()
	o.recency.leave(f)
	o.w.rotation.remove(f)
	o.w.trouble.forget(f.loop(), at)
	o.w.hidden.note(f.loop(), false, at)
	delete(o.follow, f.key.Name)
	o.moved = true
	o.answered(f)
	if !f.read {
		o.unread--
	}
	o.observe(at, guard.Unfollowed{Key: f.key})
	o.finish()
}

func (o *owner) set(s catalog.Service, at time.Time) {
	old, had := o.catalog[s.Key]
	if had && old.Equal(s) {
		return
	}
	o.outbox.note(s.Key, old, had, at)
	if f := o.follow[s.Key.Name]; f != nil {
		o.touch(f, at)
	}
	o.count(old, -1)
	o.count(s, +1)
	o.catalog[s.Key] = s
}

func (o *owner) unset(key catalog.ServiceKey, at time.Time) {
	old, had := o.catalog[key]
	if !had {
		return
	}
	o.outbox.note(key, old, had, at)
	o.count(old, -1)
	delete(o.catalog, key)
}

// size is how many instances there are in the catalog.
func (o *owner) size() (n int) {
	for _, of := range o.health {
		n += of
	}
	return n
}

func (o *owner) count(s catalog.Service, by int) {
	for i := range s.Instances {
		o.health[s.Instances[i].Health] += by
	}
}

// finish notes the moment from which the catalog is complete: all was read but for names that
// Consul does not answer for. Where nothing at all was read, it is not about names.
func (o *owner) finish() {
	if o.complete || !o.listed || o.unread > o.unanswered || o.nothingRead() {
		return
	}
	o.complete = true
	close(o.w.opening.complete)
	o.w.log.Info("consul catalog is complete", "datacenter", o.datacenter, "services", len(o.catalog))
}

// publish shows the state to Status and the metrics.
func (o *owner) publish() {
	instances := map[string]int{}
	for h := catalog.Passing; h <= catalog.Maintenance; h++ {
		instances[h.String()] = o.health[h]
	}
	o.w.metrics.Catalog(len(o.catalog), instances)
	unread, refused := o.unreadProblem(), o.refusedProblem()
	o.w.mu.Lock()
	defer o.w.mu.Unlock()
	o.w.status.Services, o.w.status.Instances = len(o.catalog), instances
	if !o.w.status.Complete {
		o.w.status.FirstSync = Progress{Done: len(o.follow) - o.unread, Total: len(o.follow)}
	}
	o.w.status.Complete = o.complete
	o.w.unread, o.w.refused = unread, refused
}
