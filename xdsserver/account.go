package xdsserver

import (
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"

	"legate/xdsserver/admission"
)

// A name that Consul does not have is in memory only because streams ask for it. It is charged to one of them: to the
// stream that asked first, and when that one stops, to another one that still asks. So a name that all streams ask for
// is counted once.

// account is what one stream is charged for names. All of it but wait needs the store's lock.
type account struct {
	slot   int
	budget *admission.Budget
	share  *admission.Share // of the stream's address
	most   int              // bytes
	bytes  int

	created int             // names that nobody had, since the last wait
	paces   []*rate.Limiter // of created: the stream's, its address's, that of all streams
	changed int             // names that the stream began or ceased to ask for, since the last wait
	changes []*rate.Limiter // of changed, likewise
}

// The rates of an address, and of all addresses together, are multiples of that of a stream.
const (
	addressStreams = 4
	allStreams     = 16
	// Changes of names have larger ones: if the whole catalog changes, a fleet behind one address changes all names
	// at the same moment.
	addressChanges = 200
	allChanges     = 400
)

func newAccount(g *guarded, slot int) *account {
	a := g.within
	own := freshNames(a.limits.FreshNames, a.names, 1)
	return &account{
		slot: slot, budget: a.budget, share: &g.visitor.share, most: a.limits.NameBytes,
		paces:   []*rate.Limiter{own, g.visitor.fresh, a.fresh},
		changes: []*rate.Limiter{nameChanges(a.limits.NameChanges, a.names, 1), g.visitor.changes, a.changes},
	}
}

// nameChanges limits changes of names. Its burst lets a stream ask for as many names of two types as it may, and
// then replace all of them.
func nameChanges(perSecond, most, times int) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(perSecond*times), 4*most*times)
}

// freshNames limits the creation of names that nobody had. Its burst is as many as a stream may ask for.
func freshNames(perSecond, most, times int) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(perSecond*times), most*times)
}

// wait returns how long the stream should not be listened to, because it has created or changed too many names. If the
// stream's own rate of changes demands a longer wait than longest, it returns a limit error.
func (p *account) wait(now time.Time, longest time.Duration) (pause time.Duration, refused error) {
	for _, pace := range p.paces {
		pause = max(pause, waitFor(pace, now, p.created))
	}
	for i, pace := range p.changes {
		more := waitFor(pace, now, p.changed)
		if i == 0 && more > longest {
			refused = admission.Refuse(admission.LimitNameChanges, codes.ResourceExhausted, more, "look what that client names, and no more, and names again; raise xds.name_changes_per_second if it has to",
				"the stream changes the names that it asks for too often: %.0f a second are allowed; come again in %v", float64(pace.Limit()), more.Round(100*time.Millisecond))
		}
		pause = max(pause, more)
	}
	p.created, p.changed = 0, 0
	return pause, refused
}

// awaitNames waits while the streams of the address have created, or changed, more names than they may. Names are
// charged when they are known to be new, so a client could otherwise go on with a new stream for each request.
func (g *guarded) awaitNames() error {
	now := g.within.now()
	if wait := max(debt(g.visitor.fresh, now), debt(g.visitor.changes, now)); wait > 0 {
		return g.pause(g.ctx, wait)
	}
	return nil
}

// maxDebt bounds how long an address, or all of them, may have to wait.
const maxDebt = time.Minute

// debt returns how long it takes until a limiter has tokens again.
func debt(pace *rate.Limiter, now time.Time) time.Duration {
	return time.Duration(max(0, -pace.TokensAt(now)) / float64(pace.Limit()) * float64(time.Second))
}

// waitFor takes n tokens, and returns how long to wait for them.
func waitFor(pace *rate.Limiter, now time.Time, n int) time.Duration {
	if debt(pace, now) > maxDebt {
		return maxDebt
	}
	return pace.ReserveN(now, min(n, pace.Burst())).DelayFrom(now)
}

// accounts are those of a store, by slot; nil where nothing is charged.
type accounts []*account

func (all *accounts) set(slot int, p *account) {
	for len(*all) <= slot {
		*all = append(*all, nil)
	}
	(*all)[slot] = p
}

func (all *accounts) of(slot int) *account {
	if slot < len(*all) {
		return (*all)[slot]
	}
	return nil
}

// change counts names that the stream in the slot begins or ceases to ask for.
func (all *accounts) change(slot, names int) {
	if p := all.of(slot); p != nil {
		p.changed += names
	}
}

// priceOf is the memory that a name takes, in bytes: the name, its entry in a table, its place among the missing
// names, and the set of streams that ask for it.
func priceOf(name string, slot int) int { return len(name) + 320 + slot/8 }

// buy charges a name that the table does not have yet to the stream in the slot. The error is a limit error.
func (all *accounts) buy(slot int, name string) (*account, int, error) {
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
	p.created++
	return p, price, nil
}

// settle charges an entry that only streams need to one of them, and any other entry to nobody.
func (all *accounts) settle(e *entry) {
	isVain := e.res == nil && !e.named.empty()
	if e.account != nil && (!isVain || !e.named.has(e.account.slot)) {
		e.account.bytes -= e.paid
		e.account.budget.Give(e.account.share, admission.HeldNames, e.paid)
		e.account, e.paid = nil, 0
	}
	if !isVain || e.account != nil {
		return
	}
	for slot := range e.named.all {
		if p := all.of(slot); p != nil {
			e.account, e.paid = p, priceOf(e.name, slot)
			p.bytes += e.paid
			p.budget.Force(p.share, admission.HeldNames, e.paid)
			return
		}
	}
}
