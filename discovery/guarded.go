package discovery

import (
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
)

// answer is a believed answer about one service, on its way into the catalog.
type answer struct {
	reading    consul.Reading
	at         time.Time
	consistent bool
	moved      bool // its index is above that of the answer before
	doubt      bool // what it takes away must be said twice
}

// consider takes over what an answer says of f, but for losses that the guard holds.
func (o *owner) consider(f *followed, a answer) {
	o.rehome(f, a.reading)
	f.said, a.reading = a.reading, selected(o.selection, a.reading)
	f.truth, f.doubt = a.reading, a.doubt
	o.noteCriticals(f, a)
	was := o.catalog[f.key].Instances
	lost := lacking(was, a.reading.Service.Instances)
	if f.hold != nil && len(lost) < len(f.hold.kept) {
		o.cameBack = a.at
	}
	if len(lost) == 0 {
		o.unhold(f, "returned")
		o.settle(f, a.at)
		return
	}
	why := calm
	if l := o.lossOf(f, a.at); f.hold != nil || l.left < l.served {
		why = o.cfg.Guard.suspect(l)
	}
	if why == calm && o.recovering(f, a.at) {
		why = eroded
		lost = f.hold.still(lost) // what came back, and goes now, goes for itself
	}
	switch {
	case why == calm:
		o.logDeselected(f, lost, a.at)
		o.unhold(f, "replaced")
		o.settle(f, a.at)
		return
	case len(lost) == 0:
		o.unhold(f, "returned")
		o.settle(f, a.at)
		return
	}
	if f.hold == nil {
		f.hold = &hold{since: a.at}
		o.held[f] = struct{}{}
	}
	h := f.hold
	o.kept -= h.taking()
	if why == emptied && h.why != emptied {
		h.since = a.at
	}
	h.why, h.reading = why, a.reading
	o.noteMass(f, a.at)
	h.moved = h.moved || a.moved
	h.keep(lost)
	o.kept += h.taking()
	if a.consistent {
		h.agree(a.at, o.cfg.Guard.Confirm)
	}
	o.holdsMoved = true
	o.serve(f, h.served(), a.at)
}

// lossOf is f's truth against what is served of it, in instances that take traffic.
func (o *owner) lossOf(f *followed, now time.Time) loss {
	since := now.Add(-o.cfg.Guard.Window)
	others := o.kept
	if f.hold != nil {
		others -= f.hold.taking()
	}
	is := o.masked(f, f.truth.Service).Instances
	left, idle := taking(is), idled(o.catalog[f.key].Instances, is)
	served := f.instances.now - idle
	if left < served {
		o.losers.note(f.key, now)
	}
	return loss{
		of: f.instances.most(since) - idle, served: served, left: left,
		allOf: o.total.most(since) - idle, allAt: o.total.now - idle - served + left - others,
		services: o.losers.since(since, now),
		another:  o.regressedLately(now) || f.hold != nil && f.hold.another,
		doubt:    f.doubt,
	}
}

// settle makes the catalog what f's answers say.
func (o *owner) settle(f *followed, at time.Time) {
	_, known := o.catalog[f.key]
	switch {
	case len(f.truth.Service.Instances) > 0:
		o.serve(f, f.truth.Service, at)
	case !f.listed:
		o.drop(f, at)
	case f.truth.Others > 0: // proxies and gateways only: not a service
		o.unset(f.key, at)
	case known:
		o.serve(f, f.truth.Service, at)
	}
}

// serve puts s into the catalog, with f's health as the policy for masses has it.
func (o *owner) serve(f *followed, s catalog.Service, at time.Time) {
	o.set(o.masked(f, s), at)
}

// mature looks whether a hold is over.
func (o *owner) mature(f *followed, now time.Time) {
	h := f.hold
	h.another = h.another || o.regressedLately(now)
	why := o.cfg.Guard.suspect(o.lossOf(f, now))
	if why == calm && o.recovering(f, now) {
		why = eroded
	}
	h.why = why
	o.noteMass(f, now)
	g := o.cfg.Guard
	if why == calm { // so much came back, or is new, that the rest is no suspicious loss any more
		o.end(f, "replaced", now)
		return
	}
	if !h.over(g, now, o.eroding(f, now), o.recovering(f, now)) {
		return
	}
	o.kept -= h.taking()
	nothing := h.believe()
	o.kept += h.taking()
	if nothing {
		o.end(f, h.outcome(g, now), now)
	} else {
		o.serve(f, h.served(), now)
	}
}

// noteMass remembers that f lost most of what it had together with most of the datacenter. A
// small loss beside that is one of its own.
func (o *owner) noteMass(f *followed, now time.Time) {
	l := o.lossOf(f, now)
	if f.hold.why == evaporated && (l.left == 0 || more(l.of-l.left, o.cfg.Guard.ShrinkPercent, l.of)) {
		f.hold.mass = now
	}
}

// recovering says that f was part of the loss of most of the datacenter, and is waited for because
// not long ago more of that came back.
func (o *owner) recovering(f *followed, now time.Time) bool {
	return f.hold != nil && now.Before(f.hold.awaited(o.cfg.Guard, o.cameBack))
}

// eroding says that so much of the datacenter goes that nothing is evidence.
func (o *owner) eroding(f *followed, now time.Time) bool {
	l := o.lossOf(f, now)
	return l.services >= wide && l.allOf >= o.cfg.Guard.CatalogFrom && more(l.allOf-l.allAt, o.cfg.Guard.CatalogPercent, l.allOf)
}

// end believes the whole loss.
func (o *owner) end(f *followed, outcome string, now time.Time) {
	o.unhold(f, outcome)
	o.settle(f, now)
	f.instances.forget() // what is left is the new normal
}

// unhold forgets a hold, if there is one.
func (o *owner) unhold(f *followed, outcome string) {
	if f.hold == nil {
		return
	}
	o.kept -= f.hold.taking()
	o.w.metrics.HoldEnded(outcome)
	o.over = append(o.over, ended{f.key.Name, outcome, time.Since(f.hold.since)})
	f.hold = nil
	o.w.trouble.forget(lookLoop(f), time.Now())
	delete(o.held, f)
	o.holdsMoved = true
}
