package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"
)

// churnCase measures many changes a second on some services for a while. One client reads slowly,
// and one reads nothing until the end.
type churnCase struct {
	id, what, goal string
	services       int
	streams        int
	touched        int // number of services that change in turn
	perSecond      int
	plan           func(fleet) func(int) plan
	contenders     []string
	judge          func(*result)
}

func (c churnCase) name() string { return c.id }

// Numbers of the misbehaving clients. They have HTTP/2 windows of 64 KiB, so that what they do not
// read piles up at the server.
const (
	slowClient  = 0
	stuckClient = 1
	slowPause   = 200 * time.Millisecond
	smallWindow = 64 << 10
)

func (c churnCase) run(ctx context.Context, b *bench) (result, error) {
	f := fleet{c.services, instances}
	r := result{Case: c.id, What: c.what, Goal: c.goal, Streams: c.streams}
	var samples []sample
	notes := map[string]string{}
	for _, name := range c.contenders {
		e, err := newExpected(f)
		if err != nil {
			return r, err
		}
		ch := &churn{churnCase: c, fleet: f, expected: e, changes: int(b.scale.storm.Seconds() * float64(c.perSecond))}
		rivals, end, err := b.field(ctx, []string{name}, f, e, layout{
			streams: c.streams, perConnection: 1, plan: ch.plan(c.plan(f)), atOnce: 64,
		})
		if err != nil {
			return r, err
		}
		if len(rivals) == 0 {
			continue
		}
		if notes[name] = rivals[0].note; !rivals[0].out {
			err = ch.measure(ctx, b, rivals[0], notes)
			samples = append(samples, sample{name: ch.figures})
		}
		if err = errors.Join(err, end()); err != nil {
			return r, fmt.Errorf("%s: %w", name, err)
		}
	}
	together := sample{} // the contenders ran one after the other, in this case only
	for _, s := range samples {
		for name, f := range s {
			together[name] = f
		}
	}
	for _, name := range c.contenders {
		row := rowOf(name, r.base(), c.streams, []sample{together})
		row.Note = notes[name]
		r.Rows = append(r.Rows, row)
	}
	c.judge(&r)
	return r, nil
}

// churn is one run of the case on one contender.
type churn struct {
	churnCase
	fleet     fleet
	expected  *expected
	changes   int
	recovered atomic.Bool // whether the misbehaving clients read normally
	free      chan struct{}

	began  time.Time
	marks  [][]mark         // content of each touched service, by number of changes
	at     [][]atomic.Int64 // when each change was applied, in nanoseconds since began
	seen   [][]int32        // number of changes of each touched service that each stream has
	delays histogram        // of well-behaved streams
	figures
}

// plan makes two of the clients misbehave until recovered is set.
func (ch *churn) plan(p func(int) plan) func(int) plan {
	ch.free = make(chan struct{})
	ch.recovered.Store(true)
	return func(n int) plan {
		one := p(n)
		wait := time.Duration(math.MaxInt64)
		switch n {
		case slowClient:
			wait = slowPause
		case stuckClient:
		default:
			return one
		}
		one.window = smallWindow
		one.before = func(ctx context.Context) {
			if ch.recovered.Load() {
				return
			}
			select {
			case <-ch.free:
			case <-ctx.Done():
			case <-time.After(wait):
			}
		}
		return one
	}
}

func (ch *churn) measure(ctx context.Context, b *bench, r *rival, notes map[string]string) error {
	final, err := ch.precompute(r)
	if err != nil {
		return err
	}
	c := r.clients
	if _, err := r.tell(order{Do: doResetPeak}); err != nil {
		return err
	}
	before, err := r.tell(order{Do: doUsage})
	if err != nil {
		return err
	}
	got := c.traffic()
	endProfile, err := b.profile(ch.id, []*rival{r})
	if err != nil {
		return err
	}
	c.expect(final)
	c.watch(ch.observe)
	ch.recovered.Store(false)
	ch.began = time.Now()
	behind, err := ch.drive(ctx, r)
	if err != nil {
		return err
	}
	if behind > 100*time.Millisecond {
		notes[r.name] = fmt.Sprintf("changes were applied up to %v late", behind.Round(time.Millisecond))
	}
	// The well-behaved streams must be right soon; then the others get time to catch up.
	over := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, b.scale.timeout, errTimeout)
	defer cancel()
	if err := c.awaitAll(ctx, 2); err != nil {
		return fmt.Errorf("good streams: %w", err)
	}
	good := time.Since(over)
	after, err := r.tell(order{Do: doUsage})
	if err != nil {
		return err
	}
	ch.recovered.Store(true)
	close(ch.free)
	if _, err := c.await(ctx); err != nil {
		return fmt.Errorf("all streams: %w", err)
	}
	if err := errors.Join(c.check(), endProfile()); err != nil {
		return err
	}
	ch.figures = figures{
		CPU: after.CPU - before.CPU, Wall: good, Bytes: c.traffic().bytes - got.bytes,
		Peak: after.Peak, Grown: after.Peak - before.RSS,
		P50: ch.delays.quantile(0.5), P99: ch.delays.quantile(0.99),
	}
	return nil
}

// precompute computes all changes in advance, and returns the final content.
func (ch *churn) precompute(r *rival) ([]changed, error) {
	ch.marks = make([][]mark, ch.touched)
	ch.at = make([][]atomic.Int64, ch.touched)
	final := map[int]changed{}
	for n := range ch.changes {
		what, err := ch.expected.change(ch.nth(n))
		if err != nil {
			return nil, err
		}
		for _, x := range what {
			ch.marks[x.service] = append(ch.marks[x.service], x.to)
			final[x.service] = x
		}
	}
	for i := range ch.at {
		ch.at[i] = make([]atomic.Int64, len(ch.marks[i]))
	}
	ch.seen = make([][]int32, len(r.clients.streams))
	for i := range ch.seen {
		ch.seen[i] = make([]int32, ch.touched)
	}
	var all []changed
	for _, x := range final {
		all = append(all, x)
	}
	return all, nil
}

// nth returns the services of the nth change, and their revision.
func (ch *churn) nth(n int) (services []int, revision int) {
	return []int{n % ch.touched}, n/ch.touched + 1
}

// drive applies the changes on schedule, and returns by how much it was late at most.
func (ch *churn) drive(ctx context.Context, r *rival) (behind time.Duration, err error) {
	for n := range ch.changes {
		due := ch.began.Add(time.Duration(n) * time.Second / time.Duration(ch.perSecond))
		select {
		case <-ctx.Done():
			return behind, context.Cause(ctx)
		case err := <-r.clients.failed:
			return behind, err
		case <-time.After(time.Until(due)):
		}
		services, revision := ch.nth(n)
		if _, err := r.tell(order{Do: doPrepare, Services: services, Revision: revision, Quick: true}); err != nil {
			return behind, err
		}
		behind = max(behind, time.Since(due))
		ch.at[services[0]][revision-1].Store(int64(time.Since(ch.began)))
		if _, err := r.tell(order{Do: doApply, Quick: true}); err != nil {
			return behind, err
		}
	}
	return behind, nil
}

// observe records how long each new change took to reach a stream. A change that was replaced on
// its way counts until the later one arrives.
func (ch *churn) observe(s *stream, kind, service int, to mark, now time.Time) {
	if kind != assignments || service >= ch.touched || s.number == slowClient || s.number == stuckClient {
		return
	}
	marks := ch.marks[service]
	seen := &ch.seen[s.number][service]
	for n := int(*seen); n < len(marks); n++ {
		if marks[n] != to {
			continue
		}
		for k := int(*seen); k <= n; k++ {
			ch.delays.add(now.Sub(ch.began) - time.Duration(ch.at[service][k].Load()))
		}
		*seen = int32(n + 1)
		return
	}
}
