package watch

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff draws the pause before the next try: evenly from 0 to a ceiling that doubles with each
// failure ("full jitter"), so that many loops that failed together do not return together.
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
type backoff struct {
	min, max time.Duration
	failures int
}

// next counts a failure and returns the pause after it.
func (b *backoff) next() time.Duration {
	ceiling := b.ceiling()
	b.failures++
	return rand.N(ceiling)
}

func (b *backoff) ceiling() time.Duration {
	ceiling := b.min
	for range b.failures {
		if ceiling *= 2; ceiling >= b.max {
			return b.max
		}
	}
	return ceiling
}

// reset is for after a success.
func (b *backoff) reset() { b.failures = 0 }

// backoff starts a row of pauses.
func (q *Queries) backoff() backoff { return backoff{min: q.cfg.BackoffMin, max: q.cfg.BackoffMax} }

// backOff waits for the next pause to end or ctx. It ends early when another loop found Consul well
// again, but not before a pause drawn from the shortest has passed: nobody rushes in. Who fails
// even so begins with short pauses again: a Consul that has just come back refuses some.
func (q *Queries) backOff(ctx context.Context, pause *backoff) {
	recovery := q.outages.recovery()
	first, whole := q.backoff(), pause.next()
	least := min(whole, first.next())
	if !sleep(ctx, least) {
		return
	}
	select {
	case <-ctx.Done():
	case <-recovery:
		pause.reset()
	case <-time.After(whole - least):
	}
}

// backOffAfter is backOff, but for an answer that is believed if it is the same later: then it waits for
// that time.
func (q *Queries) backOffAfter(ctx context.Context, err error, pause *backoff) {
	if until := believedAt(err); !until.IsZero() {
		sleep(ctx, time.Until(until))
		return
	}
	q.backOff(ctx, pause)
}

// sleep reports whether the pause ended before ctx did.
func sleep(ctx context.Context, pause time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}
