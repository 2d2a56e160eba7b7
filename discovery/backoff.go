package discovery

import (
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
	return rand.N(ceiling) + 1
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
