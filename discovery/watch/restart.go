package watch

import (
	"context"
	"errors"
	"sync"
)

var errRestart = errors.New("the question is asked from the start")

// restarter lets others end a question that waits, so that it is asked again from the start.
type restarter struct {
	mu     sync.Mutex
	asked  bool
	cancel context.CancelCauseFunc // of the question under way
}

// restart ends the question under way, or the next one if there is none.
func (r *restarter) restart() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = true
	if r.cancel != nil {
		r.cancel(errRestart)
	}
}

// begin returns the context for one question, and whether a restart was asked for, so that this one
// starts over. end is called after it.
func (r *restarter) begin(ctx context.Context) (question context.Context, over bool, end func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	over, r.asked = r.asked, false
	question, cancel := context.WithCancelCause(ctx)
	r.cancel = cancel
	return question, over, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.cancel = nil
		cancel(nil)
	}
}

// restarted says whether that is why the question ended.
func restarted(question context.Context) bool {
	return errors.Is(context.Cause(question), errRestart)
}
