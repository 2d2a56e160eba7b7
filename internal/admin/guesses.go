package admin

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// guessesAtOnce is how many wrong tokens an address may send at once, guessEvery how long it then
	// takes until it may send another one.
	guessesAtOnce = 10
	guessEvery    = time.Second
	// maxGuessers is of how many addresses that is remembered. Beyond it who guessed longest ago is
	// forgotten: were they all counted together, one could keep the others out.
	maxGuessers = 1000
)

// guesses slows down who tries tokens, each address for itself.
type guesses struct {
	mu sync.Mutex
	of map[string]*guesser
}

type guesser struct {
	pace *rate.Limiter
	last time.Time
}

// wait says how long an address has to wait before its next token is looked at; 0: it is looked at
// now, and counts as wrong until it is pardoned.
func (g *guesses) wait(address string, now time.Time) (wait time.Duration, pardon func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	who := g.of[address]
	if who == nil {
		g.makeRoom(now)
		who = &guesser{pace: rate.NewLimiter(rate.Every(guessEvery), guessesAtOnce)}
		g.of[address] = who
	}
	who.last = now
	turn := who.pace.ReserveN(now, 1)
	if wait = turn.DelayFrom(now); wait > 0 {
		turn.CancelAt(now)
		return wait, nil
	}
	return 0, func() { turn.CancelAt(now) }
}

// makeRoom forgets who is as good as new, and else who came longest ago. The lock is held.
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
