package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// envoyWindow is Envoy's default size of HTTP/2 windows, for streams and connections.
const envoyWindow = 256 << 20

// clients are all streams of one contender. They share the expected content.
type clients struct {
	*expected
	conns   []*grpc.ClientConn
	streams []*stream
	joined  sync.WaitGroup
	cancel  context.CancelFunc

	mu      sync.RWMutex // write-locked while the expected content changes
	want    content
	wrong   atomic.Int64 // number of streams without the expected content
	right   chan struct{}
	last    atomic.Int64 // when the last stream became right, in Unix nanoseconds
	sent    atomic.Uint64
	failed  chan error
	observe func(s *stream, kind, service int, to mark, at time.Time)
}

// layout is how streams are spread over connections, and what they subscribe to.
type layout struct {
	streams       int
	perConnection int
	plan          func(stream int) plan
	// atOnce limits how many streams start at the same time; the next ones wait until these have
	// the expected content. It bounds the memory of the clients for responses in flight. 0: all.
	atOnce int
}

// connect opens all streams. It may return before the last ones have the expected content.
func connect(ctx context.Context, address string, e *expected, l layout) (*clients, error) {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c := &clients{expected: e, cancel: cancel, right: make(chan struct{}, 1), failed: make(chan error, 1)}
	for k := range kinds {
		c.want[k] = slices.Clone(e.content[k])
	}
	for i := range l.streams {
		if i%max(l.perConnection, 1) == 0 {
			conn, err := dial(address, cmp.Or(l.plan(i).window, envoyWindow))
			if err != nil {
				return nil, errors.Join(err, c.close())
			}
			c.conns = append(c.conns, conn)
		}
		if l.atOnce > 0 && i%l.atOnce == 0 {
			if _, err := c.await(ctx); err != nil {
				return nil, errors.Join(err, c.close())
			}
		}
		c.open(running, newStream(c, i, c.conns[len(c.conns)-1], l.plan(i)))
	}
	return c, nil
}

func (c *clients) open(ctx context.Context, s *stream) {
	c.mu.Lock()
	c.streams = append(c.streams, s)
	c.mu.Unlock()
	c.joined.Go(func() {
		if err := s.run(ctx); ctx.Err() == nil {
			select {
			case c.failed <- fmt.Errorf("stream %d: %w", s.number, err):
			default: // another error was first
			}
		}
	})
}

func dial(address string, window int32) (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(clientCodec{}), grpc.MaxCallRecvMsgSize(1<<30)),
		grpc.WithInitialWindowSize(window), grpc.WithInitialConnWindowSize(window),
	)
}

// expect changes the expected content.
func (c *clients) expect(all []changed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, x := range all {
		want := &c.want[x.kind][x.service]
		for _, s := range c.streams {
			if have, asked := s.holds[x.kind].of(x.service); asked {
				s.judge(have == *want, have == x.to)
			}
		}
		*want = x.to
	}
}

// await waits until all streams have the expected content, and returns when the last one did.
func (c *clients) await(ctx context.Context) (time.Time, error) {
	for c.wrong.Load() > 0 {
		select {
		case <-c.right:
		case err := <-c.failed:
			return time.Time{}, err
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("%d of %d streams do not hold what they should: %w", c.wrong.Load(), len(c.streams), context.Cause(ctx))
		}
	}
	return time.Unix(0, c.last.Load()), nil
}

// watch calls an observer for each resource that any stream gets from now on.
func (c *clients) watch(observe func(s *stream, kind, service int, to mark, at time.Time)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.observe = observe
}

// awaitAll waits until all streams but the first few have the expected content.
func (c *clients) awaitAll(ctx context.Context, but int) error {
	for {
		c.mu.Lock()
		right := true
		for _, s := range c.streams[but:] {
			right = right && s.wrong == 0
		}
		c.mu.Unlock()
		if right {
			return nil
		}
		select {
		case err := <-c.failed:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Millisecond):
		}
	}
}

// check compares everything that each stream holds with the expected content.
func (c *clients) check() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.streams {
		if err := s.check(); err != nil {
			return fmt.Errorf("stream %d: %w", s.number, err)
		}
	}
	return nil
}

// traffic is what all streams have received so far.
type traffic struct{ responses, resources, bytes int64 }

func (c *clients) traffic() traffic {
	c.mu.Lock()
	defer c.mu.Unlock()
	var t traffic
	for _, s := range c.streams {
		t.responses += s.got.responses
		t.resources += s.got.resources
		t.bytes += s.got.bytes
	}
	return t
}

// close ends all streams and connections.
func (c *clients) close() error {
	c.cancel()
	var errs []error
	for _, conn := range c.conns {
		errs = append(errs, conn.Close())
	}
	c.joined.Wait()
	return errors.Join(errs...)
}
