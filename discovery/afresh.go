package discovery

import (
	"context"
	"errors"
	"sync"
)

var errAfresh = errors.New("the question is asked afresh")

// afresh lets others end a question that waits, so that it is asked again from the start.
type afresh struct {
	mu     sync.Mutex
	asked  bool
	cancel context.CancelCauseFunc // of the question under way
}

// interrupt ends the question under way, or the next one if there is none.
func (a *afresh) interrupt() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = true
	if a.cancel != nil {
		a.cancel(errAfresh)
	}
}

// begin returns the context for one question, and whether the one before was interrupted, so
// that this one starts over. End is called after it.
func (a *afresh) begin(ctx context.Context) (question context.Context, over bool, end func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	over, a.asked = a.asked, false
	question, cancel := context.WithCancelCause(ctx)
	a.cancel = cancel
	return question, over, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.cancel = nil
		cancel(nil)
	}
}

// interrupted says whether that is why the question ended.
func interrupted(question context.Context) bool { return errors.Is(context.Cause(question), errAfresh) }
