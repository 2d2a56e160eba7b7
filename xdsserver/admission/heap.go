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
	recent := peak{looked: time.Now()}
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if recent.isOver(now, b.total.Load(), liveHeap) {
				debug.FreeOSMemory()
			}
		}
	}
}

// peak is the most that was held since it was looked at last.
type peak struct {
	most   int64 // bytes
	looked time.Time
}

// isOver takes in how many bytes are held now, and reports once every lookBack whether they are so much less than the
// peak that a collection pays.
func (p *peak) isOver(now time.Time, held int64, heap func() int64) bool {
	p.most = max(p.most, held)
	if now.Sub(p.looked) < lookBack {
		return false
	}
	gone := p.most - held
	p.most, p.looked = held, now
	return gone >= max(muchLess, heap()/heapPart)
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
