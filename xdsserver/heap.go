package xdsserver

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// The runtime keeps what it once had for a while: a heap that was large is collected late, every two
// minutes if there is nothing to do, and given back to the system bit by bit. After an attack, or after
// a fleet that came at once, Legate would look as large as it was, to who watches it and to a cgroup.

const (
	// lookBack is how often it is looked whether clients had much more held than they do now.
	lookBack = 20 * time.Second
	// muchLess is how many bytes less are worth a collection, at least; and so is the part of the heap
	// that heapPart says, since the whole heap is what a collection costs.
	muchLess = 4 << 20
	heapPart = 16
)

// run gives back to the system what clients do not need any more, until the context is done.
func (b *budget) run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	peak, looked := int64(0), time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			held := b.total.Load()
			peak = max(peak, held)
			if now.Sub(looked) < lookBack {
				continue
			}
			if peak-held >= max(muchLess, liveHeap()/heapPart) {
				debug.FreeOSMemory()
			}
			peak, looked = held, now
		}
	}
}

// liveHeap is how many bytes the last collection left.
func liveHeap() int64 {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	if live[0].Value.Kind() != metrics.KindUint64 {
		return 0 // a runtime that does not tell
	}
	return int64(live[0].Value.Uint64())
}
