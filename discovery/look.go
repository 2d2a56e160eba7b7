package discovery

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/discovery/guard"
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

// lookLoop names looks at a service where failures are counted.
func lookLoop(key catalog.ServiceKey) string { return "look/" + key.Name }

// second is a query for a second look at f: it knows what Consul was last believed to say of it, and starts over.
func (o *owner) second(f *followed) *query[consul.Reading] {
	q := o.w.serviceQuery(f.key)
	q.was = seen{index: f.index, weight: q.weigh(f.said), filtered: f.filtered}
	q.last = f.said
	return q
}

// look asks for f consistently, and with list for the list of services right after it.
func (w *Watcher) look(ctx context.Context, f *followed, q *query[consul.Reading], readings int, list bool) {
	loop := lookLoop(f.key)
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
	if !o.guard.Held(f.key) {
		o.compare(e)
		return
	}
	if !e.reading.Equal(f.said) { // its own query believes otherwise
		f.afresh.interrupt()
	}
	at := e.reply.At
	if d := o.consider(f, answer{reading: e.reading, at: at, consistent: true, second: o.besides(e)}); d.Unheard {
		o.stir(at)
	}
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

// besides is what a second look at a service saw of the list of services. Where Consul has instances
// still, critical or without the tags, or proxies, it lists the service.
func (o *owner) besides(e checked) *guard.Second {
	s := &guard.Second{List: e.list != nil, Filtered: e.reply.Filtered || e.listed.Filtered, All: len(o.follow)}
	if !s.List {
		return s
	}
	_, still := e.list[e.f.key.Name]
	s.Listed = still && len(e.reading.Service.Instances)+e.reading.Others == 0
	for name, f := range o.follow {
		tags, there := e.list[name]
		if selected := there && o.selection.Matches(name, tags); !selected && f != e.f && f.read {
			s.Missing++
		}
	}
	return s
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
		if o.guard.Held(f.key) {
			o.observe(now, guard.Asked{Key: f.key})
			list = o.guard.WantsList(f.key)
		}
		q, readings := o.second(f), f.readings
		o.w.loops.Go(func() { o.w.look(o.ctx, f, q, readings, list) })
	}
}

// nextLook is the next service to look at; nil if none is due.
func (o *owner) nextLook(now time.Time) *followed {
	for len(o.due) > 0 {
		key := o.due[0]
		o.due = o.due[1:]
		if f := o.follow[key.Name]; f != nil && o.guard.Held(key) && !f.looked {
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
		if o.follow[f.key.Name] == f && f.read && !f.looked && !o.guard.Held(f.key) {
			return f
		}
	}
	return nil
}

// tick is what time alone brings.
func (o *owner) tick(now time.Time) {
	o.due = o.observe(now, guard.Elapsed{}).Ask
	if every := o.cfg.Guard.Reread; every > 0 && o.complete {
		n := float64(len(o.follow))
		o.rereads = min(o.rereads+n*float64(now.Sub(o.ticked))/float64(every), max(n, 1))
	}
	o.ticked = now
	o.sumUp(now)
	o.goOn(now)
	o.lookOn(now)
}
