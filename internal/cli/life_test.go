package cli

import (
	"context"
	"strings"
	"testing"
	"time"
)

// A read from a disk that is gone cannot be cancelled. Legate still ends in time, and says so.
func TestWhatHangsDoesNotHoldUpTheEnd(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	l := newLife(ctx, func(error) {})
	back := make(chan struct{})
	defer close(back)
	l.group.Go(func() error { <-back; return nil })
	l.group.Go(func() error { <-l.serving.Done(); l.end(); return nil })
	ended := make(chan error, 1)
	go func() { ended <- l.wait() }()
	stop()
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "does a disk hang?") {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(4 * shutdownTimeout):
		t.Error("it does not end")
	}
}
