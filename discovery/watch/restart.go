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
	cancel context.CancelCauseFunc // of the last question
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

// begin returns the context for one question, which ends with the next one at the latest, and whether a
// restart was asked for, so that this one starts over.
func (r *restarter) begin(ctx context.Context) (question context.Context, over bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancel != nil {
		r.cancel(nil)
	}
	over, r.asked = r.asked, false
	question, r.cancel = context.WithCancelCause(ctx)
	return question, over
}

// restarted says whether that is why the question ended.
func restarted(question context.Context) bool {
	return errors.Is(context.Cause(question), errRestart)
}
