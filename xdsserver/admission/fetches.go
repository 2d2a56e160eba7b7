package admission

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// AdmitFetch waits until fewer unary requests than allowed are being answered. Call ReleaseFetch when there is no error.
func (l *Limiter) AdmitFetch(ctx context.Context) error {
	select {
	case l.fetches <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(l.limits.NewStreamWait)
	defer timer.Stop()
	select {
	case l.fetches <- struct{}{}:
		return nil
	case <-timer.C:
		return Refuse(LimitFetches, codes.Unavailable, time.Second, "raise xds.max_fetches if the machine has cores to spare, or let clients poll less often",
			"too many requests at the moment; come again later")
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	case <-l.stopping:
		return ErrStopping
	}
}

// ReleaseFetch undoes AdmitFetch: the request is answered.
func (l *Limiter) ReleaseFetch() { <-l.fetches }
