package changes

import (
	"context"
	"slices"
	"time"
)

// Send is how far a change has come to clients.
type Send struct {
	Clients int       // asked for what has changed when it was published
	First   time.Time // when one of them was sent it first; zero: none was yet
}

// Sends says how far changes have come, in their order.
type Sends func(all []Change) []Send

// How long a line waits until a client was sent its change, and of how many changes at once the lines do: of more, most
// are summed up.
const (
	maxSendWait = time.Second
	maxSends    = 10
)

// sent returns how far changes have come. It waits until each that clients asked for was sent to one, but not for long.
func (t *telling) sent(ctx context.Context, all []Change) []Send {
	out := make([]Send, len(all))
	if t.sends == nil || len(all) == 0 {
		return out
	}
	few := all[:min(len(all), maxSends)]
	for wait, end := time.Millisecond, time.Now().Add(maxSendWait); ; wait *= 2 {
		copy(out, t.sends(few))
		left := time.Until(end)
		if left <= 0 || len(all) > maxSends || !slices.ContainsFunc(out, func(s Send) bool { return s.Clients > 0 && s.First.IsZero() }) {
			return out
		}
		select {
		case <-time.After(min(wait, left)):
		case <-ctx.Done():
			return out
		}
	}
}
