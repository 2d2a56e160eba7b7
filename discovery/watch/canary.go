package watch

import (
	"context"
	"math/rand/v2"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
)

// canaryHeld is how often the canary looks while a loss is held: it may be over any moment.
const canaryHeld = 2 * time.Second

// canaryAnswer is how long the canary waits for an answer that needs no waiting.
const canaryAnswer = 10 * time.Second

// Between two tries of the canary while Consul does not answer. One question at a time, five or
// six a second, is nothing to a Consul that starts; it wakes all who wait for longer.
const (
	probeMin = 100 * time.Millisecond
	probeMax = 250 * time.Millisecond
)

// wentBack is why all is read again when an index is below the one that was seen before.
const wentBack = "consul's index went back"

// loopCanary is the canary's name where failures are counted.
const loopCanary = "canary"

// isAway says that Consul does not answer, or is in trouble itself.
func isAway(kind consul.Failure) bool {
	return kind == consul.Unreachable || kind == consul.Timeout || kind == consul.Unavailable
}

// canary reads the list of services consistently again and again, without waiting for a change.
// It sees what blocking queries cannot see while they wait: an index that is now below theirs,
// so that Consul would let them wait their full time; connections that are open and dead; and a
// Consul that is back. The index of config entries can go back alone: a restored snapshot may have
// the same services.
func (q *Queries) canary(ctx context.Context) {
	pause := q.backoff()
	hung := false
	var behind, entries uint64
	for ctx.Err() == nil {
		sick := q.outages.sickness()
		seen := q.listIndex.Load()
		asking, cancel := context.WithTimeoutCause(consul.OnOldConnection(ctx), canaryAnswer, consul.ErrTimeout)
		_, r, err := q.client.Services(asking, consul.Question{Consistent: true})
		cancel()
		entriesBack := err == nil && q.entriesWentBack(ctx, &entries)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			kind := consul.FailureOf(err)
			if kind == consul.Timeout {
				hung = true
				q.client.CloseIdle()
			}
			q.outages.failed(loopCanary, err, time.Now())
			if isAway(kind) {
				sleep(ctx, probeMin+rand.N(probeMax-probeMin))
			} else {
				q.backOff(ctx, &pause)
			}
			continue
		case r.Index < seen && q.listIndex.CompareAndSwap(seen, r.Index) || entriesBack: // else the list's own query tells
			q.metrics.IndexReset()
			q.tell(ctx, Restart{Why: wentBack, IndexWentBack: true, At: r.At})
		case hung:
			q.tell(ctx, Restart{Why: "consul did not answer in time", At: r.At})
		case r.Index > seen && seen == behind && seen > 0:
			q.listing.restart() // it should have seen that long ago
		}
		hung, behind = false, q.listIndex.Load()
		pause.reset()
		q.outages.answered(loopCanary, time.Now())
		q.lull(ctx, sick)
	}
}

// entriesWentBack says whether the index of config entries is below the one that it saw last. It asks for
// proxy-defaults: that is one entry at the most, and its list has the index of all kinds. Where Consul does
// not tell them, their own query says so.
func (q *Queries) entriesWentBack(ctx context.Context, last *uint64) bool {
	if !q.cfg.Entries {
		return false
	}
	asking, cancel := context.WithTimeoutCause(consul.OnOldConnection(ctx), canaryAnswer, consul.ErrTimeout)
	defer cancel()
	_, r, err := q.client.Entries(asking, catalog.ProxyDefaults, consul.Question{Consistent: true})
	if err != nil {
		return false
	}
	before := *last
	*last = r.Index
	return r.Index < before
}

// lull waits for the next read, or for the first failure after a time without. While a loss is
// held the next read comes sooner: it may all be back any moment, with an index below those that
// are waited for.
func (q *Queries) lull(ctx context.Context, sick <-chan struct{}) {
	every := q.cfg.Canary
	if !sleep(ctx, min(time.Second, every)) {
		return
	}
	for waited := time.Second; waited < every; waited += canaryHeld {
		select {
		case <-ctx.Done():
			return
		case <-sick:
			return
		case <-time.After(min(canaryHeld, every-waited)):
		}
		if q.held() {
			return
		}
	}
}
