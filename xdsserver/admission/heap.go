package admission

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// The Go runtime keeps memory that it no longer needs: an idle program collects garbage every two minutes, and returns
// memory to the system bit by bit. After an attack, or after a whole fleet has connected at once, Legate would look
// larger than it is, to people and to a cgroup.

const (
	// lookBack is how often what is held is compared with the most that was held since the last time.
	lookBack = 20 * time.Second
	// A collection costs as much as the heap is large. It is worth that if muchLess bytes and a heapPart-th of the
	// heap are held no longer.
	muchLess = 4 << 20
	heapPart = 16
)

// Run returns memory that clients no longer need to the system, until the context is done.
func (b *Budget) Run(ctx context.Context) {
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

// liveHeap returns the size of the heap after the last collection.
func liveHeap() int64 {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	if live[0].Value.Kind() != metrics.KindUint64 {
		return 0 // a runtime that does not tell
	}
	return int64(live[0].Value.Uint64())
}
