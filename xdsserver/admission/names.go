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

// Await counts names that nobody had and names that the stream began or ceased to ask for, and waits until the stream
// should be listened to again. The error is a limit error if the stream's own rate of changes demands a longer wait
// than a new stream's, or one of [Stream.Pause].
func (r *NameRates) Await(ctx context.Context, fresh, changed int) error {
	now := r.stream.limiter.now()
	var pause time.Duration
	for _, of := range r.fresh {
		pause = max(pause, reserve(of, now, fresh))
	}
	var refused error
	for i, of := range r.changes {
		wait := reserve(of, now, changed)
		if i == 0 && wait > r.stream.limiter.limits.NewStreamWait {
			refused = Refuse(LimitNameChanges, codes.ResourceExhausted, wait, "look what that client names, and no more, and names again; raise xds.name_changes_per_second if it has to",
				"the stream changes the names that it asks for too often: %.0f a second are allowed; come again in %v", float64(of.Limit()), wait.Round(100*time.Millisecond))
		}
		pause = max(pause, wait)
	}
	if refused != nil || pause == 0 {
		return refused
	}
	return r.stream.Pause(ctx, pause)
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
