package changes

import (
	"slices"
	"sync"
)

// The bounds of a Record.
const (
	maxChanges = 4096
	maxBytes   = 4 << 20
)

// Record is what changed lately. Its methods may be called concurrently. Add on a nil Record does nothing.
type Record struct {
	mark string

	traceID func(ID) string // of the change's trace, for the log; nil: there are none

	mu    sync.Mutex
	kept  []Change // kept[from:] are there, with numbers that follow each other
	from  int
	bytes int
	last  uint64        // number of the newest change; 0: there was none
	grown chan struct{} // closed when there is another change; nil: nobody waits for it
}

// New returns an empty Record.
func New() *Record { return &Record{mark: newMark()} }

// Add puts changes into the record, and sets their ids. What is beyond the bounds of a change is cut off.
func (r *Record) Add(all ...Change) {
	if r == nil || len(all) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range all {
		c = c.bounded()
		r.last++
		c.ID = ID{r.mark, r.last}
		r.kept = append(r.kept, c)
		r.bytes += c.size()
		for len(r.kept)-r.from > maxChanges || r.bytes > maxBytes {
			r.bytes -= r.kept[r.from].size()
			r.kept[r.from] = Change{} // what it held is free
			r.from++
		}
	}
	if r.from > maxChanges {
		r.kept = slices.Delete(r.kept, 0, r.from) // readers have copies
		r.from = 0
	}
	if r.grown != nil {
		close(r.grown)
		r.grown = nil
	}
}

// next is closed when there is another change.
func (r *Record) next() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.grown == nil {
		r.grown = make(chan struct{})
	}
	return r.grown
}
