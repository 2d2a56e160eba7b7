package xdsserver

import (
	"cmp"
	"hash/maphash"
	"maps"
	"math/bits"
	"slices"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// table holds the resources of one type in one view. It is guarded by its store's lock.
type table struct {
	*resourceType
	seed        maphash.Seed
	entries     map[string]*entry
	live        []*entry // those that Consul has, by name
	ids         uint64   // the sum of their ids
	nameBytes   int      // of their names
	wild        bitset   // the streams with a wildcard subscription
	missing     int      // how many entries streams name and Consul does not have
	inVain      []inVain // the lists of these, by the streams' slots
	missingTold int
	accounts    *accounts
	places      *places
	nears       int    // how many resources differ from place to place
	asked       *asked // is told of names that are asked for; nil: nobody is
	seq         uint64 // of the last change
	sum         digest // over all live resources
	printed     atomic.Pointer[printed]

	log      []change // in the order of seq; one entry may stand in it repeatedly
	logLimit int
	forgot   uint64 // seq of the last change that left the log
	swept    uint64 // seq of the last removal that left the table

	accepted atomic.Uint64 // some client accepted everything up to this change

	subs      []*subscription // the streams' by their slots; nil where nothing of the type is wanted
	overtaken []overtaken     // earlier states, a ring from oldest on
	oldest    int

	bodies bodies
}

func newTable(of *resourceType) *table {
	return &table{resourceType: of, seed: maphash.MakeSeed(), entries: map[string]*entry{}, logLimit: logLimit, accounts: &accounts{}, places: &places{}}
}

// entry returns the entry of a name, a new one if there is none.
func (t *table) entry(name string) *entry {
	e := t.entries[name]
	if e == nil {
		e = t.newEntry(name)
		t.entries[name] = e
	}
	return e
}

// served returns what a stream gets for an entry, nil if it has to be told that there is no resource. The
// stand-in for a name that Consul never had is made each time, so that it takes no memory between.
func (t *table) served(e *entry, slot int) *resource {
	switch {
	case e.res != nil || !e.named.has(slot):
		return t.at(e.res, slot)
	case e.empty != nil:
		return e.empty
	}
	return t.standIn(e.name)
}

// isMade reports whether served makes what it returns.
func (t *table) isMade(e *entry, slot int) bool {
	return e.res == nil && e.empty == nil && t.none != nil && e.named.has(slot)
}

// servedID returns a number that identifies what served returns.
func (t *table) servedID(e *entry, slot int) uint64 {
	switch {
	case e.res != nil:
		return t.at(e.res, slot).id
	case e.named.has(slot):
		return bits.Reverse64(e.id)
	}
	return ^e.id
}

// concerns reports whether a stream wants the entry.
func (t *table) concerns(e *entry, slot int) bool {
	return t.wild.has(slot) || e.named.has(slot)
}

// find returns the entry of a name, nil if there is none. Most clients ask for names in the order in which these were
// sent, which is that of live: next is the place there where the name is looked for first, and moves on.
func (t *table) find(name []byte, next *int) *entry {
	if i := *next; i < len(t.live) && t.live[i].name == string(name) {
		*next = i + 1
		return t.live[i]
	}
	return t.entries[string(name)]
}

// name notes that a stream asks for a name, and reports whether it did not before. It fails if the name is
// new and the stream may have no more of these. See find for next.
func (t *table) name(slot int, name []byte, next *int) (e *entry, added bool, err error) {
	if e = t.find(name, next); e == nil {
		if e, err = t.nameUnknown(slot, string(name)); err != nil {
			return nil, false, err
		}
	}
	if e.named.has(slot) {
		return e, false, nil
	}
	if t.asked != nil && e.named.empty() {
		t.asked.note(e.name)
	}
	e.named.set(slot)
	t.fill(e)
	if e.res == nil {
		t.noteMissing(e)
		t.addInVain(slot, e)
	}
	return e, true, nil
}

// nameUnknown makes the entry of a name that the table does not have, if the stream may have one more.
func (t *table) nameUnknown(slot int, name string) (*entry, error) {
	if !utf8.ValidString(name) {
		return nil, errNoMessage
	}
	by, price, err := t.accounts.buy(slot, name)
	if err != nil {
		return nil, err
	}
	e := t.entry(name)
	e.account, e.paid = by, price
	return e, nil
}

// fill makes the stand-in for a name that Consul had and has no more.
func (t *table) fill(e *entry) {
	if e.seq > 0 && e.res == nil && e.empty == nil {
		e.empty = t.standIn(e.name)
	}
}

// standIn makes what is served under a name that Consul does not have. It is nil if the type has no such
// thing, or no client could take it under this name.
func (t *table) standIn(name string) *resource {
	if t.none == nil {
		return nil
	}
	empty, err := t.none(name)
	if err != nil {
		return nil
	}
	return newResource(empty)
}

// unname notes that a stream no longer asks for an entry. The table forgets an entry that nobody needs.
func (t *table) unname(slot int, e *entry) {
	if e.named.clear(slot); t.asked != nil && e.named.empty() {
		t.asked.note(e.name)
	}
	if e.res != nil {
		return
	}
	t.noteMissing(e)
	t.staleInVain(slot)
	if e.named.empty() && e.seq <= t.forgot {
		t.remove(e)
	}
}

// unnameAll notes that a stream asks for nothing any more. It calls yield once in a while, which lets others
// use the table.
func (t *table) unnameAll(slot int, yield func()) {
	were, n := len(t.entries), 0
	all := t.namedBy(slot)
	t.forgetInVain(slot)
	for e := range all {
		if e.named.has(slot) {
			t.unname(slot, e)
		}
		if n++; n%manyEntries == 0 {
			yield()
		}
	}
	t.forgetInVain(slot)
	t.shrink(were)
}

// shrink copies the map of entries when most of the entries are gone: a map never gives memory back.
func (t *table) shrink(were int) {
	if were < manyEntries || len(t.entries) > were/2 {
		return
	}
	entries := make(map[string]*entry, len(t.entries))
	maps.Copy(entries, t.entries)
	t.entries = entries
}

// manyEntries is how many entries are gone through before others may use the table.
const manyEntries = 1024

// has reports whether Consul has the name.
func (t *table) has(name string) bool {
	e := t.entries[name]
	return e != nil && e.res != nil
}

// set sets what Consul has for a name (nil: nothing) as change number seq.
func (t *table) set(name string, res *resource, seq uint64, since, now time.Time) *entry {
	e := t.entry(name)
	had := e.res != nil
	if had != (res != nil) {
		t.enlist(e, res != nil)
	}
	t.overtake(e, now.UnixNano())
	t.retain(e, res)
	restated := e.restate(res)
	t.nears += res.nears() - e.res.nears()
	if e.res != nil {
		t.sum = t.sum.minus(digestOf(e.name, e.res.version))
	}
	if res != nil {
		t.sum = t.sum.plus(digestOf(e.name, res.version))
	}
	e.res, e.since = res, since
	e.seq, t.seq = seq, seq
	e.changed = now.UnixNano()
	e.firstSent.Store(0)
	e.lastAck.Store(0)
	e.firstAck.Store(0)
	e.firstBy.Store(nil)
	e.lastBy.Store(nil)
	t.await(e)
	if restated {
		t.awaitRestated(e)
	}
	t.noteMissing(e)
	if had != (res != nil) {
		t.noteInVain(e)
	}
	if !e.named.empty() {
		t.fill(e)
	}
	t.log = append(t.log, change{seq, e})
	t.trim()
	return e
}

// enlist puts an entry into the sorted list of those that Consul has, or takes it out.
func (t *table) enlist(e *entry, in bool) {
	i, _ := slices.BinarySearchFunc(t.live, e.name, func(o *entry, name string) int {
		return cmp.Compare(o.name, name)
	})
	if in {
		t.live = slices.Insert(t.live, i, e)
		t.ids += e.id
		t.nameBytes += len(e.name)
	} else {
		t.live = slices.Delete(t.live, i, i+1)
		t.ids -= e.id
		t.nameBytes -= len(e.name)
	}
}
