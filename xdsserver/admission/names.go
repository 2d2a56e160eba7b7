package admission

import (
	"context"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"
)

// NameRates limit how fast one stream creates names that nobody had, and changes the names that it asks for. They belong
// to the goroutine that receives the stream's requests.
type NameRates struct {
	stream         *Stream
	fresh, changes []*rate.Limiter // the stream's, its address's, that of all addresses
}

// NameRates returns those of the stream, which is admitted.
func (s *Stream) NameRates() *NameRates {
	l, a := s.limiter, s.address
	return &NameRates{
		stream:  s,
		fresh:   []*rate.Limiter{freshNames(&l.limits, l.names, 1), a.freshNames, l.freshNames},
		changes: []*rate.Limiter{nameChanges(&l.limits, l.names, 1), a.nameChanges, l.nameChanges},
	}
}

// NameWait is how long a stream is not listened to, or why it ends. The zero value keeps nobody waiting.
type NameWait struct {
	stream  *Stream
	pause   time.Duration
	refused error
}

// Count counts names that nobody had and names that the stream began or ceased to ask for: from then on the address
// has them on account. What it returns has to be awaited before the stream is listened to again.
func (r *NameRates) Count(fresh, changed int) NameWait {
	now, w := r.stream.limiter.now(), NameWait{stream: r.stream}
	for _, of := range r.fresh {
		w.pause = max(w.pause, reserve(of, now, fresh))
	}
	for i, of := range r.changes {
		wait := reserve(of, now, changed)
		if i == 0 && wait > r.stream.limiter.limits.NewStreamWait {
			w.refused = Refuse(LimitNameChanges, codes.ResourceExhausted, wait, "look what that client names, and no more, and names again; raise xds.name_changes_per_second if it has to",
				"the stream changes the names that it asks for too often: %.0f a second are allowed; come again in %v", float64(of.Limit()), wait.Round(100*time.Millisecond))
		}
		w.pause = max(w.pause, wait)
	}
	return w
}

// Await waits until the stream should be listened to again. The error is a limit error if the stream's own rate of
// changes demands a longer wait than a new stream's, or one of [Stream.Pause].
func (w NameWait) Await(ctx context.Context) error {
	if w.refused != nil || w.pause == 0 {
		return w.refused
	}
	return w.stream.Pause(ctx, w.pause)
}

// AwaitNames waits while the streams of the address have created, or changed, more names than they may. Names are
// charged when they are known to be new, so a client could otherwise go on with a new stream for each request.
func (s *Stream) AwaitNames(ctx context.Context) error {
	now := s.limiter.now()
	if wait := max(debt(s.address.freshNames, now), debt(s.address.nameChanges, now)); wait > 0 {
		return s.Pause(ctx, wait)
	}
	return nil
}
