package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// life is the order of shutdown. First the streams are drained while everything behind them still
// works, so that connected clients stay up to date. Then the rest ends. A failure ends everything
// in the same way.
type life struct {
	group   *errgroup.Group
	serving context.Context // ends first: on a signal, with the caller's context, or on a failure
	working context.Context // ends with end
	end     context.CancelFunc
	drained chan struct{} // closed by end
}

// newLife starts to listen to signals. The first signal calls stops with its name; a second one
// kills the program, as if Legate handled no signals.
func newLife(ctx context.Context, stops func(cause error)) *life {
	l := &life{drained: make(chan struct{})}
	signalled, deaf := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	l.group, l.working = errgroup.WithContext(context.WithoutCancel(ctx))
	working, end := context.WithCancel(l.working)
	l.working = working
	serving, stop := context.WithCancel(working)
	l.serving = serving
	unhook := context.AfterFunc(signalled, func() {
		deaf()
		stops(context.Cause(signalled))
		stop()
	})
	l.end = sync.OnceFunc(func() {
		unhook()
		end()
		deaf()
		close(l.drained)
	})
	return l
}

// shutdownTimeout is how long the rooms behind the streams may take to end. It is longer than the last
// write to disk may take. Beyond it something hangs that cannot be cancelled, such as a read from a
// disk that is gone.
const shutdownTimeout = 8 * time.Second

// wait returns when everything has ended, or when what is left hangs.
func (l *life) wait() error {
	ended := make(chan error, 1)
	go func() { ended <- l.group.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-l.drained:
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(shutdownTimeout):
		return fmt.Errorf("end: something has not ended %v after the last stream, and is left behind: does a disk hang?", shutdownTimeout)
	}
}

// stopping reports whether shutdown has begun.
func (l *life) stopping() bool { return l.serving.Err() != nil }
