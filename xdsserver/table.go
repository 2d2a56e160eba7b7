package xdsserver

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash/maphash"
	"iter"
	"maps"
	"math/bits"
	"slices"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// logLimit is how many changes a table remembers at least. Streams that fell behind further are
// compared with the whole table.
const logLimit = 1 << 15

// table holds the resources of one type in one view. It is guarded by its store's lock.
type table struct {
	*resourceType
	seed      maphash.Seed
	entries   map[string]*entry
	live      []*entry            // those that Consul has, by name
	ids       uint64              // the sum of their ids
	nameBytes int                 // of their names
	wild      bitset              // the streams with a wildcard subscription
	vain      map[*entry]struct{} // those that streams name and Consul does not have
	vainTold  int
	payers    *payers
	seq       uint64 // of the last change
	sum       digest // over all live resources
	printed   atomic.Pointer[printed]

	log      []change // in the order of seq; one entry may stand in it repeatedly
	logLimit int
	forgot   uint64 // seq of the last change that left the log
	swept    uint64 // seq of the last removal that left the table

	accepted atomic.Uint64 // some client accepted everything up to this change

	parcels parcels
}

// entry is a name: one that Consul has, one that it had, or one that a stream asked for.
type entry struct {
	name  string
	id    uint64    // random, but fixed for a name
	res   *resource // nil while Consul has none
	empty *resource // what is served instead to streams that ask by name, where Consul had it; see resourceType.none
	seq   uint64    // of the last change of res; 0 if there never was one
	payer *payer    // for whom the name is counted while only streams have it; nil: nobody
	paid  int       // how many bytes
	since time.Time // when the Consul answer behind that change arrived
	named bitset    // the streams that ask for it by name

	detached bool // the table does not have it, any more or yet: it stands for nothing

	accepted atomic.Uint64 // seq of the last state that some client accepted
	good     *resource     // the last resource before res that some client accepted
	prev     *resource     // the one before res, while nobody has accepted it yet
	prevSeq  uint64

	prevAccepted atomic.Bool // after all
}

type change struct {
	seq   uint64
	entry *entry
}

func newTable(of *resourceType) *table {
	return &table{resourceType: of, seed: maphash.MakeSeed(), entries: map[string]*entry{}, logLimit: logLimit, vain: map[*entry]struct{}{}, payers: &payers{}}
}

// entry returns the entry of a name and makes one if need be.
func (t *table) entry(name string) *entry {
	e := t.entries[name]
	if e == nil {
		e = t.newEntry(name)
		t.entries[name] = e
	}
	return e
}

func (t *table) newEntry(name string) *entry {
	return &entry{name: name, id: maphash.String(t.seed, name)}
}

// known is the entry of a name, or one that stands for nothing where the table has none.
func (t *table) known(name string) *entry {
	if e := t.entries[name]; e != nil {
		return e
	}
	e := t.newEntry(name)
	e.detached = true
	return e
}

// current is the entry of the same name that the table has now, if it has one.
func (t *table) current(e *entry) *entry {
	if e.detached {
		if now := t.entries[e.name]; now != nil {
			return now
		}
	}
	return e
}

// remove takes an entry out of the table. Who has it still finds that it is detached.
func (t *table) remove(e *entry) {
	e.detached = true
	delete(t.entries, e.name)
}

// served is what a stream gets for the entry: nil if it has to be told that there is none. What
// Consul never had is made each time, so that it takes nothing while nobody sends it.
func (t *table) served(e *entry, slot int) *resource {
	switch {
	case e.res != nil || !e.named.has(slot):
		return e.res
	case e.empty != nil:
		return e.empty
	}
	return t.standIn(e.name)
}

// isMade reports whether that is made each time.
func (t *table) isMade(e *entry, slot int) bool {
	return e.res == nil && e.empty == nil && t.none != nil && e.named.has(slot)
}

// servedID is a number that stands for that.
func (t *table) servedID(e *entry, slot int) uint64 {
	switch {
	case e.res != nil:
		return e.res.id
	case e.named.has(slot):
		return bits.Reverse64(e.id)
	}
	return ^e.id
}

// concerns reports whether a stream wants to hear of the entry.
func (t *table) concerns(e *entry, slot int) bool {
	return t.wild.has(slot) || e.named.has(slot)
}

// name puts a stream on the entry of a name, and reports whether it was not there before. A name that
// nobody had may be more than the stream can have.
func (t *table) name(slot int, name []byte) (e *entry, added bool, err error) {
	if e = t.entries[string(name)]; e == nil {
		if e, err = t.think(slot, string(name)); err != nil {
			return nil, false, err
		}
	}
	if e.named.has(slot) {
		return e, false, nil
	}
	e.named.set(slot)
	t.fill(e)
	if e.res == nil {
		t.noteVain(e)
	}
	return e, true, nil
}

// think makes the entry of a name that only streams have, if the stream may have it.
func (t *table) think(slot int, name string) (*entry, error) {
	if !utf8.ValidString(name) {
		return nil, errNoMessage
	}
	by, price, err := t.payers.buy(slot, name)
	if err != nil {
		return nil, err
	}
	e := t.entry(name)
	e.payer, e.paid = by, price
	return e, nil
}

// fill makes what is served by name where Consul has nothing any more.
func (t *table) fill(e *entry) {
	if e.seq > 0 && e.res == nil && e.empty == nil {
		e.empty = t.standIn(e.name)
	}
}

// standIn is what is served by name where Consul has nothing. It is nil if there is no such thing, as
// for a name that no client could take it under.
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

// unname takes a stream off an entry, and forgets an entry that nothing holds any more.
func (t *table) unname(slot int, e *entry) {
	e.named.clear(slot)
	if e.res != nil {
		return
	}
	t.noteVain(e)
	if e.named.empty() {
		if e.seq <= t.forgot {
			t.remove(e)
		}
	}
}

// unnameAll takes a stream off all entries. In between others have the table.
func (t *table) unnameAll(slot int, others func()) {
	n := 0
	for _, e := range t.entries {
		if e.named.has(slot) {
			t.unname(slot, e)
		}
		if n++; n%manyEntries == 0 {
			others()
		}
	}
	t.shrink(n)
}

// shrink makes the maps of entries anew when most of those are gone that there were: a map keeps the
// room that it once had.
func (t *table) shrink(were int) {
	if were < manyEntries || len(t.entries) > were/2 {
		return
	}
	entries, vain := make(map[string]*entry, len(t.entries)), make(map[*entry]struct{}, len(t.vain))
	maps.Copy(entries, t.entries)
	maps.Copy(vain, t.vain)
	t.entries, t.vain = entries, vain
}

// manyEntries is how many entries are gone through before others have the table.
const manyEntries = 4096

// has reports whether Consul has the name.
func (t *table) has(name string) bool {
	e := t.entries[name]
	return e != nil && e.res != nil
}

// set takes in what Consul has now for a name (nil: nothing) as change number seq.
func (t *table) set(name string, res *resource, seq uint64, since time.Time) *entry {
	e := t.entry(name)
	if (e.res == nil) != (res == nil) {
		t.enlist(e, res != nil)
	}
	t.retain(e, res)
	if e.res != nil {
		t.sum = t.sum.minus(digestOf(e.name, e.res.version))
	}
	if res != nil {
		t.sum = t.sum.plus(digestOf(e.name, res.version))
	}
	e.res, e.since = res, since
	e.seq, t.seq = seq, seq
	t.noteVain(e)
	if !e.named.empty() {
		t.fill(e)
	}
	t.log = append(t.log, change{seq, e})
	t.trim()
	return e
}

// enlist puts an entry into the list of live ones that is not there, or takes it out.
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

// trim drops what the log need not hold any more, and the removed names that only it held.
func (t *table) trim() {
	if len(t.log) < 2*t.logLimit {
		return
	}
	old := t.log[:len(t.log)-t.logLimit]
	for _, c := range old {
		e := c.entry
		if c.seq == e.seq && e.res == nil {
			t.swept = c.seq
			if e.named.empty() && !e.detached { // or it left the table before
				t.remove(e)
			}
		}
	}
	t.forgot = old[len(old)-1].seq
	t.log = slices.Clone(t.log[len(old):])
}

// changes are the entries that changed after seq, once each, in no order.
func (t *table) changes(seq uint64) iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		switch {
		case seq >= t.seq:
		case seq < t.forgot:
			for _, e := range t.entries {
				if e.seq > seq && !yield(e) {
					return
				}
			}
		default:
			i, _ := slices.BinarySearchFunc(t.log, seq+1, func(c change, seq uint64) int { return cmp.Compare(c.seq, seq) })
			for _, c := range t.log[i:] {
				if c.seq == c.entry.seq && !yield(c.entry) {
					return
				}
			}
		}
	}
}

// version is the content hash of the whole type: the same wherever the same is served.
func (t *table) version() string {
	v := t.printed.Load()
	if v == nil || v.of != t.sum {
		v = &printed{t.sum, t.sum.String()}
		t.printed.Store(v)
	}
	return v.text
}

// printed is a digest as text: each response has it.
type printed struct {
	of   digest
	text string
}

// digest is a sum of hashes, which does not depend on the order and can be taken back.
type digest struct{ hi, lo uint64 }

func digestOf(name, version string) digest {
	h := sha256.Sum256([]byte(name + "\x00" + version))
	return digest{binary.BigEndian.Uint64(h[:]), binary.BigEndian.Uint64(h[8:])}
}

func (d digest) plus(o digest) digest {
	lo, carry := bits.Add64(d.lo, o.lo, 0)
	hi, _ := bits.Add64(d.hi, o.hi, carry)
	return digest{hi, lo}
}

func (d digest) minus(o digest) digest {
	lo, borrow := bits.Sub64(d.lo, o.lo, 0)
	hi, _ := bits.Sub64(d.hi, o.hi, borrow)
	return digest{hi, lo}
}

func (d digest) String() string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], d.hi)
	binary.BigEndian.PutUint64(b[8:], d.lo)
	return base64.RawURLEncoding.EncodeToString(b[:])
}
