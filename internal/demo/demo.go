// Package demo tells, with real programs, what Legate does: it starts a Consul, sample services,
// Legate itself and an Envoy, sends traffic through Envoy all the time, changes things in Consul
// and shows what the traffic does.
//
// What it promises:
//
//   - Each line is measured. [Run] returns nil only if all that was told really held, and not
//     one request of the steady traffic failed.
//   - Everything listens on loopback, on free ports. The user's own Consul and Legate settings
//     are not used: what Consul's client would read is removed from this process's environment.
//   - When Run returns, all that it started has ended and its files are gone. The logs of a story
//     that did not hold are kept, and the error says where.
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
	// Live shows the step that is under way, on a terminal that can return to the line's begin.
	Live bool
	// Color paints the marks.
	Color bool
	// Keep stays up after the story, prints what to try, and ends when the context does.
	Keep bool
	// Legate is the program to run as Legate; empty: the one that is running now.
	Legate string
}

// Run tells the story. A context that is cancelled ends it cleanly; before the story's end that
// is an error.
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

// interruption is what is left to say when the user ends the demo before its end.
type interruption struct{}

func (interruption) Error() string { return "demo: interrupted before its end" }
func (interruption) Unwrap() error { return context.Canceled }

// broke is why the story ended early, which closes the line of the step under way.
func broke(ctx context.Context, p *page, err error) error {
	if ctx.Err() != nil {
		p.clear()
		return interruption{}
	}
	p.failed()
	return fmt.Errorf("demo: %w", err)
}
