package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sync/errgroup"
)

// life is the order in which a program ends: first the streams are drained, while everything
// behind them still works, so that nobody who is still connected is left with old news; then
// the rest ends. What fails ends everything the same way.
type life struct {
	group   *errgroup.Group
	serving context.Context // ends first: with a signal, the caller's context, or a failure
	working context.Context // ends with end
	end     context.CancelFunc
}

// newLife begins it. The first signal calls stops with its name; a second one ends the program
// at once, as if Legate did not listen to signals at all.
func newLife(ctx context.Context, stops func(cause error)) *life {
	l := &life{}
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
	l.end = func() {
		unhook()
		end()
		deaf()
	}
	return l
}

// stopping reports whether the end has begun.
func (l *life) stopping() bool { return l.serving.Err() != nil }
