package xdsserver

import (
	"cmp"
	"iter"
	"slices"
)

// logLimit is how many changes a table remembers at least. Streams that fell behind further are
// compared with the whole table.
const logLimit = 1 << 15

// change is one change in a table's log, which says what is new for a stream without a look at the whole
// table.
type change struct {
	seq   uint64
	entry *entry
}

// trim drops the oldest changes when the log has become too long, and entries of removed names that only
// the log still needed.
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

// changes yields the entries that changed after seq, each of them once, in no particular order.
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
