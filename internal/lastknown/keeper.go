package lastknown

import (
	"context"
	"sync"
	"time"

	"legate/discovery/catalog"
)

// keeper folds the Deltas that it is given and writes the resulting catalog, in its own goroutine.
type keeper struct {
	every   time.Duration // minimum interval between two writes
	refresh time.Duration // while Consul answers, the file's date is renewed this often
	write   func(c catalog.Catalog) error
	hangs   func(since time.Duration) // called once for a write that takes longer than hangsAfter
	renewed func() bool               // whether Consul has confirmed the catalog since the last write

	mu      sync.Mutex
	pending *changes // nil: there are none
	wake    chan struct{}
}

// changes are what was set since the catalog was last folded. nil: gone.
type changes struct {
	services map[catalog.ServiceKey]*catalog.Service
	entries  map[catalog.EntryKey]*catalog.Entry
}

// share limits writing to one part in so many of the time: a large catalog that changes constantly
// is written less often.
const share = 20 // a twentieth

// lastWrite is how long shutdown waits for a write, be it the last one or one that is already under
// way. Go cannot cancel a write on a disk that hangs.
const lastWrite = 3 * time.Second

// hangsAfter is how long a write may take before it is reported as hanging.
const hangsAfter = 10 * time.Second

// A failed write is retried even if nothing changes, with exponential backoff between these bounds.
const (
	retryFirst = 5 * time.Second
	retryMost  = time.Minute
)

// add takes the next Delta. It never blocks.
func (k *keeper) add(d catalog.Delta) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.pending == nil {
		k.pending = &changes{map[catalog.ServiceKey]*catalog.Service{}, map[catalog.EntryKey]*catalog.Entry{}}
	}
	for _, s := range d.Set {
		k.pending.services[s.Key] = &s
	}
	for _, key := range d.Gone {
		k.pending.services[key] = nil
	}
	for _, e := range d.Entries {
		k.pending.entries[e.Key] = &e
	}
	for _, key := range d.GoneEntries {
		k.pending.entries[key] = nil
	}
	select {
	case k.wake <- struct{}{}:
	default: // a wake-up is already pending
	}
}

// run writes until the context is done. Then it writes once more if anything is still unwritten.
func (k *keeper) run(ctx context.Context) {
	catalog := catalog.New()
	written := false
	var retry <-chan time.Time // nil unless the last write failed
	wait := retryFirst
	refresh := time.Tick(k.refresh)
	for {
		select {
		case <-k.wake:
		case <-retry:
		case <-refresh:
			if !written || !k.renewed() {
				continue
			}
		case <-ctx.Done():
			if k.fold(catalog) || retry != nil {
				_, _ = k.attempt(ctx, catalog) // write has logged the error
			}
			return
		}
		k.fold(catalog)
		began := time.Now()
		err, over := k.attempt(ctx, catalog)
		if !over {
			return
		}
		if err != nil {
			retry = time.After(wait)
			wait = min(2*wait, retryMost)
		} else {
			written, retry, wait = true, nil, retryFirst
		}
		pause := max(k.every, share*time.Since(began))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// fold applies the pending changes to the catalog.
func (k *keeper) fold(catalog catalog.Catalog) (changed bool) {
	k.mu.Lock()
	pending := k.pending
	k.pending = nil
	k.mu.Unlock()
	if pending == nil {
		return false
	}
	put(catalog.Services, pending.services)
	put(catalog.Entries, pending.entries)
	return true
}

// put sets what is there, and deletes what is nil.
func put[K comparable, V any](all map[K]V, these map[K]*V) {
	for key, v := range these {
		if v == nil {
			delete(all, key)
		} else {
			all[key] = *v
		}
	}
}

// attempt writes the catalog and waits for the write to end. The catalog must not be changed before
// that. If the context is done and the write still hangs after lastWrite, over is false and the
// write goes on in its own goroutine.
func (k *keeper) attempt(ctx context.Context, catalog catalog.Catalog) (err error, over bool) {
	done := make(chan error, 1)
	go func() { done <- k.write(catalog) }()
	slow := time.After(hangsAfter)
	for {
		select {
		case err := <-done:
			return err, true
		case <-slow:
			k.hangs(hangsAfter)
		case <-ctx.Done():
			select {
			case err := <-done:
				return err, true
			case <-time.After(lastWrite):
				return nil, false
			}
		}
	}
}
