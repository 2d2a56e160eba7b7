package admin

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// An address may send guessesAtOnce wrong tokens in a burst, and then one every guessEvery.
	guessesAtOnce = 10
	guessEvery    = time.Second
	// maxGuessers is how many addresses are tracked. Beyond that the one that guessed longest ago
	// is dropped: if all shared one count, one address could lock the others out.
	maxGuessers = 1000
)

// guesses limits the rate of wrong tokens for each address.
type guesses struct {
	mu sync.Mutex
	of map[string]*guesser
}

type guesser struct {
	pace *rate.Limiter
	last time.Time
}

// wait returns how long an address must wait before its next token is checked. If that is 0, the
// token is checked now and counts as wrong until refund is called.
func (g *guesses) wait(address string, now time.Time) (wait time.Duration, refund func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	who := g.of[address]
	if who == nil {
		g.makeRoom(now)
		who = &guesser{pace: rate.NewLimiter(rate.Every(guessEvery), guessesAtOnce)}
		g.of[address] = who
	}
	who.last = now
	attempt := who.pace.ReserveN(now, 1)
	if wait = attempt.DelayFrom(now); wait > 0 {
		attempt.CancelAt(now)
		return wait, nil
	}
	return 0, func() { attempt.CancelAt(now) }
}

// makeRoom drops the addresses that may send a whole burst again, and otherwise the one that was
// seen longest ago. The caller holds the lock.
func (g *guesses) makeRoom(now time.Time) {
	if len(g.of) < maxGuessers {
		return
	}
	oldest := ""
	for address, who := range g.of {
		if who.pace.TokensAt(now) >= guessesAtOnce {
			delete(g.of, address)
		} else if oldest == "" || who.last.Before(g.of[oldest].last) {
			oldest = address
		}
	}
	if len(g.of) >= maxGuessers {
		delete(g.of, oldest)
	}
}
