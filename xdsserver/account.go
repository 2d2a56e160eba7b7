package xdsserver

import (
	"google.golang.org/grpc/codes"

	"legate/xdsserver/admission"
)

// A name that Consul does not have is in memory only because streams ask for it. It is charged to one of them: to the
// stream that asked first, and when that one stops, to another one that still asks. So a name that all streams ask for
// is counted once.

// account is what one stream is charged for names. All of it but rates and wait needs the store's lock.
type account struct {
	slot   int
	budget *admission.Budget
	share  *admission.Share // of the stream's address
	most   int              // bytes
	bytes  int

	rates   *admission.NameRates
	created int // names that nobody had, since the last count
	changed int // names that the stream began or ceased to ask for, since the last count
	wait    admission.NameWait
}

func newAccount(l *limitedStream, slot int) *account {
	return &account{
		slot: slot, budget: l.within.budget, share: l.admitted.Share(), most: l.within.limits.NameBytes,
		rates: l.admitted.NameRates(),
	}
}

// count counts the names that the stream has created or changed since the last time, before they are answered: a
// client that closes the stream when it has the answer owes them all the same.
func (p *account) count() {
	p.wait = p.rates.Count(p.created, p.changed)
	p.created, p.changed = 0, 0
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
func priceOf(name string, slot int) int { return len(name) + 336 + slot/8 }

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

// grow charges the stream in the slot for memory that it has already, in bytes; negative: it has given that back.
func (all *accounts) grow(slot, bytes int) {
	if p := all.of(slot); p != nil {
		p.bytes += bytes
		p.budget.Force(p.share, admission.HeldNames, bytes)
	}
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
