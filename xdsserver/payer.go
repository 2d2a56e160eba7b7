package xdsserver

import (
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"

	"legate/xdsserver/admission"
)

// A name that streams ask for and Consul does not have is there for their sake alone. It is counted
// for one of them: for the one that thought of it, and when that one asks for it no longer, for
// another one that does. So what everybody asks for in vain is counted once.

// payer is a stream for which names are counted. The store's lock is held when it is used, but for
// tired.
type payer struct {
	slot   int
	budget *admission.Budget
	share  *admission.Share
	most   int // bytes
	bytes  int

	thought int             // of so many names, since it was asked last
	paces   []*rate.Limiter // its own, that of its address, and that of all
	changed int             // so many names were named, or named no more, since it was asked last
	changes []*rate.Limiter // as paces
}

// How many times what one stream may have are allowed an address and all together.
const (
	addressStreams = 4
	allStreams     = 16
	// For names that Consul has they are larger: a fleet behind one address may come to know the whole catalog
	// at the same moment.
	addressChanges = 200
	allChanges     = 400
)

func newPayer(g *guarded, slot int) *payer {
	a := g.within
	own := freshNames(a.limits.FreshNames, a.names, 1)
	return &payer{
		slot: slot, budget: a.budget, share: &g.visitor.share, most: a.limits.NameBytes,
		paces:   []*rate.Limiter{own, g.visitor.fresh, a.fresh},
		changes: []*rate.Limiter{nameChanges(a.limits.NameChanges, a.names, 1), g.visitor.changes, a.changes},
	}
}

// nameChanges is how often streams may change what they name: at once, as often as it takes to name as much as
// one may of two types, and something else instead.
func nameChanges(perSecond, most, times int) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(perSecond*times), 4*most*times)
}

// freshNames is how often names may be thought of that nobody had: at once, as many as a stream may want.
func freshNames(perSecond, most, times int) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(perSecond*times), most*times)
}

// tired is how long the stream should not be listened to, since it has thought of too many names, or named
// others too often. If it alone has done so for longer than that may take, it is refused.
func (p *payer) tired(now time.Time, longest time.Duration) (wait time.Duration, refused error) {
	for _, pace := range p.paces {
		wait = max(wait, waitFor(pace, now, p.thought))
	}
	for i, pace := range p.changes {
		more := waitFor(pace, now, p.changed)
		if i == 0 && more > longest {
			refused = admission.Refuse(admission.LimitNameChanges, codes.ResourceExhausted, more, "look what that client names, and no more, and names again; raise xds.name_changes_per_second if it has to",
				"the stream changes the names that it asks for too often: %.0f a second are allowed; come again in %v", float64(pace.Limit()), more.Round(100*time.Millisecond))
		}
		wait = max(wait, more)
	}
	p.thought, p.changed = 0, 0
	return wait, refused
}

// waitFor is when a limiter lets so many through.
func waitFor(pace *rate.Limiter, now time.Time, n int) time.Duration {
	return pace.ReserveN(now, min(n, pace.Burst())).DelayFrom(now)
}

// payers are those of a store, by slot; nil where nobody pays.
type payers []*payer

func (all *payers) set(slot int, p *payer) {
	for len(*all) <= slot {
		*all = append(*all, nil)
	}
	(*all)[slot] = p
}

func (all *payers) of(slot int) *payer {
	if slot < len(*all) {
		return (*all)[slot]
	}
	return nil
}

// change counts names that the stream in the slot names, or names no more.
func (all *payers) change(slot, names int) {
	if p := all.of(slot); p != nil {
		p.changed += names
	}
}

// priceOf is what a name takes in memory beside its bytes: an entry in a table, in the list of names in
// vain, and of the streams that ask for it.
func priceOf(name string, slot int) int { return len(name) + 320 + slot/8 }

// buy counts a name that there is not yet, for the stream in the slot, or says why it cannot have it.
func (all *payers) buy(slot int, name string) (*payer, int, error) {
	p := all.of(slot)
	if p == nil {
		return nil, 0, nil
	}
	price := priceOf(name, slot)
	if p.bytes+price > p.most {
		return nil, 0, admission.Refuse(admission.LimitNameBytes, codes.ResourceExhausted, 0, "look for which names that client asks; raise xds.max_name_bytes if it has to, though Consul has none of them",
			"names that Consul does not have take more than %d bytes for this stream", p.most)
	}
	if err := p.budget.Take(p.share, admission.HeldNames, price); err != nil {
		return nil, 0, err
	}
	p.bytes += price
	p.thought++
	return p, price, nil
}

// settle has somebody pay for an entry that is there for streams alone, and nobody for another one.
func (all *payers) settle(e *entry) {
	isVain := e.res == nil && !e.named.empty()
	if e.payer != nil && (!isVain || !e.named.has(e.payer.slot)) {
		e.payer.bytes -= e.paid
		e.payer.budget.Give(e.payer.share, admission.HeldNames, e.paid)
		e.payer, e.paid = nil, 0
	}
	if !isVain || e.payer != nil {
		return
	}
	for slot := range e.named.all {
		if p := all.of(slot); p != nil {
			e.payer, e.paid = p, priceOf(e.name, slot)
			p.bytes += e.paid
			p.budget.Force(p.share, admission.HeldNames, e.paid)
			return
		}
	}
}
