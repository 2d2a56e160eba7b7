package discovery

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"legate/discovery/consul"
)

// lookers is how many services are looked at again at once, beside all other reads.
const lookers = 2

// checked is what a second, consistent look at a service saw.
type checked struct {
	f        *followed
	readings int // of f when it was asked
	reading  consul.Reading
	reply    consul.Reply
	list     consul.Listing // of the same instant; nil: not asked for
	listed   consul.Reply
	err      error
}

// lookLoop names looks at f where failures are counted.
func lookLoop(f *followed) string { return "look/" + f.key.Name }

// second is a query for a second look at f: it knows what Consul was last believed to say of it, and starts over.
func (o *owner) second(f *followed) *query[consul.Reading] {
	q := o.w.serviceQuery(f.key)
	q.was = seen{index: f.index, weight: q.weigh(f.said), filtered: f.filtered}
	q.last = f.said
	return q
}

// look asks for f consistently, and with list for the list of services right after it.
func (w *Watcher) look(ctx context.Context, f *followed, q *query[consul.Reading], readings int, list bool) {
	loop := lookLoop(f)
	e := checked{f: f, readings: readings}
	var got found[consul.Reading]
	got, e.err = w.ask(f.ctx, f.key, q, false, false)
	e.reading, e.reply = got.value, got.reply
	if e.err == nil && list {
		e.list, e.listed, e.err = w.askServices(f.ctx, consul.Question{Consistent: true})
	}
	switch {
	case f.ctx.Err() != nil:
		w.trouble.forget(loop, time.Now())
	case e.err != nil && !list: // its own query tells of that
	case e.err != nil:
		w.failed(loop, f, e.err)
	default:
		w.trouble.answered(loop, time.Now())
	}
	w.tell(ctx, e)
}

func (e checked) apply(o *owner) {
	f := e.f
	o.looking--
	f.looked = false
	defer o.lookOn(time.Now())
	if o.follow[f.key.Name] == f && errors.Is(e.err, consul.ErrNotBelieved) { // its own query may not have heard of that
		f.afresh.interrupt()
		o.w.rotation.hurry(f)
	}
	if o.follow[f.key.Name] != f || e.err != nil || f.readings != e.readings {
		return // it has gone, or was read while this was under way: which is newer?
	}
	h := f.hold
	if h == nil {
		o.compare(e)
		return
	}
	at := e.reply.At
	kept := h.instances()
	if back := len(kept) - len(lacking(kept, selected(o.selection, e.reading).Service.Instances)); back > 0 {
		mass := h.massive()
		o.consider(f, answer{reading: e.reading, at: at, consistent: true})
		f.afresh.interrupt() // its own query believes otherwise
		if mass {
			o.stir(at)
		}
		return
	}
	if !e.reading.Equal(f.said) {
		f.afresh.interrupt()
	}
	h.agree(at, o.cfg.Guard.Confirm)
	h.sure = o.evident(e)
	o.mature(f, at)
}

// stir has everything read again when a part of a mass loss has come back without a word: queries
// that wait at an index of that time would hear nothing for long. Where there are many services
// not too often.
func (o *owner) stir(at time.Time) {
	if at.Sub(o.stirred) < max(3*time.Second, time.Duration(len(o.follow))*2*time.Millisecond) {
		return
	}
	o.stirred = at
	anew{why: "what was lost came back without a word", at: at}.apply(o)
}

// compare says whether a read in its turn found what the blocking query missed.
func (o *owner) compare(e checked) {
	if !e.f.read || e.reading.Equal(e.f.said) {
		o.w.metrics.Reread("same")
		return
	}
	if o.w.rotation.hurry(e.f) { // it has no watch that could have missed it
		return
	}
	o.w.metrics.Reread("different")
	if o.lines.missed.line("missed", time.Now()) {
		o.w.log.Info("reading a service again shows what its watch did not, starting the watch anew", "service", e.f.key.Name)
	}
	e.f.afresh.interrupt()
}

// evident says whether an answer without instances that take traffic comes with evidence that they
// were deregistered, or lost their tags, on purpose: see the package's page. Where Consul has
// instances still, critical or without the tags, or proxies, it lists the service.
func (o *owner) evident(e checked) bool {
	switch {
	case o.regressedLately(e.reply.At):
		return false
	case o.movedAway(e.f):
		return true
	case !e.f.hold.moved || e.list == nil || e.reply.Filtered || e.listed.Filtered:
		return false
	}
	if _, still := e.list[e.f.key.Name]; still && len(e.reading.Service.Instances)+e.reading.Others == 0 {
		return false
	}
	missing := 0
	for name, f := range o.follow {
		tags, there := e.list[name]
		if selected := there && o.selection.Matches(name, tags); !selected && f != e.f && f.read {
			missing++
		}
	}
	return missing < wide || !more(missing, o.cfg.Guard.CatalogPercent, len(o.follow))
}

// regressedLately says that Consul's index was seen to go back not long ago.
func (o *owner) regressedLately(now time.Time) bool {
	return !o.regressed.IsZero() && now.Sub(o.regressed) < max(o.cfg.Guard.Reread, o.cfg.Guard.Window)
}

// lookOn starts the looks that are due, as far as there is room: first at holds, then in turn
// at everything.
func (o *owner) lookOn(now time.Time) {
	for o.looking < lookers {
		f := o.nextLook(now)
		if f == nil {
			return
		}
		o.looking++
		f.looked = true
		list := false
		if h := f.hold; h != nil {
			h.asked = now
			list = h.moved && h.why == emptied
		}
		q, readings := o.second(f), f.readings
		o.w.loops.Go(func() { o.w.look(o.ctx, f, q, readings, list) })
	}
}

// nextLook is the next service to look at; nil if none is due.
func (o *owner) nextLook(now time.Time) *followed {
	for len(o.due) > 0 {
		f := o.due[0]
		o.due = o.due[1:]
		if o.follow[f.key.Name] == f && f.hold != nil && !f.looked {
			return f
		}
	}
	for o.rereads >= 1 {
		o.rereads--
		if len(o.round) == 0 {
			o.round = slices.SortedFunc(maps.Values(o.follow), func(a, b *followed) int { return a.key.Compare(b.key) })
		}
		if len(o.round) == 0 {
			return nil
		}
		f := o.round[0]
		o.round = o.round[1:]
		if o.follow[f.key.Name] == f && f.read && !f.looked && f.hold == nil {
			return f
		}
	}
	return nil
}

// tick is what time alone brings.
func (o *owner) tick(now time.Time) {
	o.due = o.due[:0]
	var next *followed // of a mass loss
	for f := range o.held {
		o.mature(f, now)
		if f.hold == nil || f.looked {
			continue
		}
		switch due := f.hold.due(o.cfg.Guard); {
		case !due.IsZero() && !now.Before(due):
			o.due = append(o.due, f)
		case f.hold.massive() && (next == nil || f.hold.asked.Before(next.hold.asked)):
			next = f
		}
	}
	if len(o.due) == 0 && next != nil {
		o.due = append(o.due, next)
	}
	if every := o.cfg.Guard.Reread; every > 0 && o.complete {
		n := float64(len(o.follow))
		o.rereads = min(o.rereads+n*float64(now.Sub(o.ticked))/float64(every), max(n, 1))
	}
	o.ticked = now
	o.holdsMoved = o.holdsMoved || len(o.held) > 0 // when they end moves with each look at Consul
	o.ageHealth(now)
	if o.mass {
		o.tellMass(o.w.massSince(now)) // it may have grown
	}
	o.sumUp(now)
	o.goOn(now)
	o.lookOn(now)
}

// ticking is how often tick is called: often enough for the shortest of the guard's times.
func (g Guard) ticking() time.Duration {
	t := time.Second
	for _, d := range []time.Duration{g.Confirm, g.Empty, g.DatacenterHold} {
		if d > 0 {
			t = min(t, max(d/5, 10*time.Millisecond))
		}
	}
	return t
}
