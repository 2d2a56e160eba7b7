package xdsserver

import (
	"hash/maphash"
	"sync/atomic"
	"time"
)

// entry is a name: one that Consul has, one that it had, or one that a stream asked for.
type entry struct {
	name    string
	id      uint64    // random, but fixed for a name
	res     *resource // nil while Consul has none
	empty   *resource // what is served instead to streams that ask by name, where Consul had it; see resourceType.none
	seq     uint64    // of the last change of res; 0 if there never was one
	account *account  // for whom the name is counted while only streams have it; nil: nobody
	paid    int       // how many bytes
	since   time.Time // when the Consul answer behind that change arrived
	named   bitset    // the streams that ask for it by name

	missing  bool // streams ask for it by name, and Consul does not have it
	detached bool // the table does not have it, any more or yet: it stands for nothing

	accepted atomic.Uint64 // seq of the last state that some client accepted
	rejected atomic.Uint64 // seq of the last state that was in a response that was parked on some stream
	good     *resource     // the last resource before res that some client accepted
	prev     *resource     // the one before res, while nobody has accepted it yet
	prevSeq  uint64
	before   *restated // the state before, if for streams that stand nowhere it was the same

	prevAccepted atomic.Bool // after all

	// When the present state was published, was sent to a client first, and was acknowledged last by one that was sent
	// it because it had changed. In nanoseconds, see instant; 0: never.
	changed            int64
	firstSent, lastAck atomic.Int64
	firstAck           atomic.Int64           // as lastAck, the first of these
	firstBy, lastBy    atomic.Pointer[string] // the nodes of whom; nil: nobody

	asked  int    // how many streams asked for it then
	awaits bitset // those of them that have not acknowledged it; they clear their bits, see overtaken.go
}

func (t *table) newEntry(name string) *entry {
	return &entry{name: name, id: maphash.String(t.seed, name)}
}

// instant is a time that an entry remembers, zero for none.
func instant(nanoseconds int64) time.Time {
	if nanoseconds == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanoseconds)
}

// known returns the entry of a name. If the table has none, it is a detached one, which the table does not
// remember.
func (t *table) known(name string) *entry {
	if e := t.entries[name]; e != nil {
		return e
	}
	e := t.newEntry(name)
	e.detached = true
	return e
}

// current returns the entry that the table has now for the name of an entry that may be detached.
func (t *table) current(e *entry) *entry {
	if e.detached {
		if now := t.entries[e.name]; now != nil {
			return now
		}
	}
	return e
}

// remove takes an entry out of the table. Subscriptions and deliveries that still refer to it see that it is
// detached.
func (t *table) remove(e *entry) {
	e.detached = true
	delete(t.entries, e.name)
}
