package lastknown

import (
	"context"
	"sync"
	"time"

	"legate/discovery/catalog"
)

// keeper writes the catalog of the Deltas that it is told, in a goroutine of its own.
type keeper struct {
	every   time.Duration // the shortest time between two writes
	refresh time.Duration // the longest, while Consul answers: the file's date is then renewed
	write   func(c catalog.Catalog) error
	hangs   func(since time.Duration) // told once of a write that does not end
	renewed func() bool               // Consul confirmed the catalog again since the last write

	mu      sync.Mutex
	pending map[catalog.ServiceKey]*catalog.Service // nil: gone
	wake    chan struct{}
}

// share is how much of the time may be spent on writing: a large catalog that changes all the
// time is written less often.
const share = 20 // a twentieth

// lastWrite is how long a write may hold up the end of the program, the last one and one that was
// under way. A disk that hangs longer cannot be told to stop.
const lastWrite = 3 * time.Second

// hangsAfter is how long a write may take before it is said that it hangs.
const hangsAfter = 10 * time.Second

// A write that failed is tried again without a change: soon at first, then less often.
const (
	retryFirst = 5 * time.Second
	retryMost  = time.Minute
)

// note is told each Delta, in their order. It never waits.
func (k *keeper) note(d catalog.Delta) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.pending == nil {
		k.pending = make(map[catalog.ServiceKey]*catalog.Service, len(d.Set))
	}
	for _, s := range d.Set {
		k.pending[s.Key] = &s
	}
	for _, key := range d.Gone {
		k.pending[key] = nil
	}
	select {
	case k.wake <- struct{}{}:
	default: // it is awake already
	}
}

// run writes until the context is done, and then once more what is not written yet.
func (k *keeper) run(ctx context.Context) {
	catalog := catalog.Catalog{}
	written := false
	var again <-chan time.Time // nil unless the last write failed
	wait := retryFirst
	refresh := time.Tick(k.refresh)
	for {
		select {
		case <-k.wake:
		case <-again:
		case <-refresh:
			if !written || !k.renewed() {
				continue
			}
		case <-ctx.Done():
			if k.fold(catalog) || again != nil {
				_, _ = k.attempt(ctx, catalog) // the writing itself says what went wrong
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
			again = time.After(wait)
			wait = min(2*wait, retryMost)
		} else {
			written, again, wait = true, nil, retryFirst
		}
		pause := max(k.every, share*time.Since(began))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// fold takes over what was noted.
func (k *keeper) fold(catalog catalog.Catalog) (changed bool) {
	k.mu.Lock()
	pending := k.pending
	k.pending = nil
	k.mu.Unlock()
	for key, s := range pending {
		if s == nil {
			delete(catalog, key)
		} else {
			catalog[key] = *s
		}
	}
	return pending != nil
}

// attempt writes the catalog, which must not be changed until that is over. It is not over if the
// disk hangs and the context was done: then only what was begun outlives the keeper.
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
