package discovery

import (
	"context"
	"math/rand/v2"
	"time"

	"legate/discovery/consul"
	"legate/discovery/guard"
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

// canary reads the list of services consistently again and again, without waiting for a change.
// It sees what blocking queries cannot see while they wait: an index that is now below theirs,
// so that Consul would let them wait their full time; connections that are open and dead; and a
// Consul that is back.
func (w *Watcher) canary(ctx context.Context) {
	const loop = "canary"
	pause := w.backoff()
	hung := false
	var behind uint64
	for ctx.Err() == nil {
		sick := w.trouble.sickness()
		seen := w.listIndex.Load()
		asking, cancel := context.WithTimeoutCause(consul.OnOldConnection(ctx), canaryAnswer, consul.ErrTimeout)
		_, r, err := w.consul.Services(asking, consul.Question{Consistent: true})
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			kind := consul.FailureOf(err)
			if kind == consul.Timeout {
				hung = true
				w.consul.CloseIdle()
			}
			w.trouble.failed(loop, err, time.Now())
			if kind == consul.Unreachable || kind == consul.Timeout || kind == consul.Unavailable {
				sleep(ctx, probeMin+rand.N(probeMax-probeMin))
			} else {
				w.rest(ctx, &pause)
			}
			continue
		case r.Index < seen:
			w.metrics.IndexReset()
			w.tell(ctx, anew{why: "consul's index went back", regressed: true, at: r.At})
		case hung:
			w.tell(ctx, anew{why: "consul did not answer in time", at: r.At})
		case r.Index > seen && seen == behind && seen > 0:
			w.listing.interrupt() // it should have seen that long ago
		}
		hung, behind = false, w.listIndex.Load()
		pause.reset()
		w.trouble.answered(loop, time.Now())
		w.lull(ctx, sick)
	}
}

// lull waits for the next read, or for the first failure after a time without. While a loss is
// held the next read comes sooner: it may all be back any moment, with an index below those that
// are waited for.
func (w *Watcher) lull(ctx context.Context, sick <-chan struct{}) {
	every := w.cfg.Canary
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
		if len(w.Holds()) > 0 {
			return
		}
	}
}

// anew starts all questions from the start.
type anew struct {
	why       string
	regressed bool
	at        time.Time
}

func (e anew) apply(o *owner) {
	if e.regressed {
		o.observe(e.at, guard.IndexWentBack{})
	}
	o.w.log.Warn("all of consul is read again", "cause", e.why, "services", len(o.follow))
	o.w.listing.interrupt()
	for _, f := range o.follow {
		f.afresh.interrupt()
		o.w.rotation.hurry(f) // if it has no query that could be interrupted
	}
}
