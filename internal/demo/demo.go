// Package demo shows with real programs what Legate does. It starts a Consul, sample services,
// Legate itself and an Envoy, sends traffic through Envoy all the time, changes things in Consul,
// and shows how the traffic reacts.
//
// What it promises:
//
//   - Each line is measured. [Run] returns nil only if everything it said was true, and no request
//     of the steady traffic failed.
//   - Everything listens on loopback, on free ports. The user's own settings for Consul and Legate
//     are not used: variables that Consul's client would read are removed from this process's
//     environment.
//   - When Run returns, everything it started has ended and its files are gone. If the story
//     failed, the logs are kept, and the error says where.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Options say how the story is told.
type Options struct {
	Out io.Writer
	// Live shows the current step on a terminal that can return to the start of the line.
	Live bool
	// Color colours the marks.
	Color bool
	// Keep stays up after the story, prints what to try, and ends with the context.
	Keep bool
	// Legate is the program to run as Legate; empty: the one that is running now.
	Legate string
}

// Run tells the story. A cancelled context ends it cleanly, which is an error before the story's
// end.
func Run(ctx context.Context, o Options) (err error) {
	if o.Legate == "" {
		if o.Legate, err = os.Executable(); err != nil {
			return fmt.Errorf("find this program's own file: %w", err)
		}
	}
	p := &page{out: o.Out, live: o.Live, color: o.Color}
	began := time.Now()

	p.title("Legate demo: a real Consul drives a real Envoy")
	s := &stage{legateProgram: o.Legate}
	defer func() {
		if err != nil && !errors.Is(err, context.Canceled) {
			err = fmt.Errorf("%w\n%s", err, s.keepLogs())
		}
		err = errors.Join(err, s.close())
	}()
	if err := s.build(ctx, p); err != nil {
		return broke(ctx, p, err)
	}
	s.traffic = newTraffic(s.ports)
	for i, c := range chapters {
		p.chapter(i+1, c.title)
		if err := c.tell(ctx, s, p); err != nil {
			return broke(ctx, p, fmt.Errorf("%s: %w", c.title, err))
		}
	}
	sent, failed := s.traffic.totals()
	p.end(fmt.Sprintf("All of it held: %s requests, %d failed", thousands(sent), failed), time.Since(began))
	if o.Keep {
		p.text(s.toTry())
		<-ctx.Done()
	}
	return nil
}

// interruption is the error when the user ends the demo before its end.
type interruption struct{}

func (interruption) Error() string { return "demo: interrupted before its end" }
func (interruption) Unwrap() error { return context.Canceled }

// broke returns why the story ended early, and ends the line of the current step.
func broke(ctx context.Context, p *page, err error) error {
	if ctx.Err() != nil {
		p.clear()
		return interruption{}
	}
	p.failed()
	return fmt.Errorf("demo: %w", err)
}
