package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// stormCase measures all streams connecting at once, repeatedly. In each repetition one contender
// runs after the other.
type stormCase struct {
	id, what, goal string
	services       int
	streams        int
	plan           func(fleet) func(int) plan
	contenders     []string
	// back is whether the streams reconnect and hold everything already.
	back  bool
	judge func(*result)
}

func (c stormCase) name() string { return c.id }

func (c stormCase) run(ctx context.Context, b *bench) (result, error) {
	f := fleet{c.services, instances}
	e, err := newExpected(f)
	if err != nil {
		return result{}, err
	}
	rivals, end, err := b.field(ctx, c.contenders, f, e, layout{})
	if err != nil {
		return result{}, err
	}
	samples, err := c.measure(ctx, b, f, e, rivals)
	if err = errors.Join(err, end()); err != nil {
		return result{}, err
	}
	r := result{Case: c.id, What: c.what, Goal: c.goal, Streams: c.streams}
	for _, rival := range rivals {
		row := rowOf(rival.name, r.base(), c.streams, samples)
		row.Note = rival.note
		r.Rows = append(r.Rows, row)
	}
	c.judge(&r)
	return r, nil
}

func (c stormCase) measure(ctx context.Context, b *bench, f fleet, e *expected, rivals []*rival) ([]sample, error) {
	plans := map[*rival]func(int) plan{}
	for _, r := range rivals {
		plans[r] = c.plan(f)
		if !c.back {
			continue
		}
		held, err := r.learn(ctx, e, c.plan(f)(0))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		plans[r] = comingBack(f, held)
	}
	endProfile, err := b.profile(c.id, rivals)
	if err != nil {
		return nil, err
	}
	var samples []sample
	for n := range b.scale.rounds {
		one := sample{}
		for _, r := range rivals {
			if r.out {
				continue
			}
			figures, err := r.storm(ctx, e, layout{streams: c.streams, perConnection: b.perConnection, plan: plans[r]}, b.scale.timeout, c.back)
			if errors.Is(err, errTimeout) {
				r.out, r.note = true, fmt.Sprintf("did not bring %d streams up within %v", c.streams, b.scale.timeout)
				continue
			} else if err != nil {
				return nil, fmt.Errorf("%s: %w", r.name, err)
			}
			one[r.name] = figures
		}
		samples = append(samples, one)
		b.say("storm %d of %d", n+1, b.scale.rounds)
	}
	return samples, errors.Join(endProfile(), b.heapProfile(c.id, rivals))
}

// learn finds out the versions of a server's resources.
func (r *rival) learn(ctx context.Context, e *expected, p plan) (*versions, error) {
	var held versions
	for k := range kinds {
		held[k] = make([]string, e.catalog.Services)
	}
	p.learn = &held
	c, err := connect(ctx, r.address, e, layout{streams: 1, plan: func(int) plan { return p }})
	if err != nil {
		return nil, err
	}
	_, err = c.await(ctx)
	return &held, errors.Join(err, c.close())
}

// storm connects all clients at once, measures that, and disconnects them.
func (r *rival) storm(ctx context.Context, e *expected, l layout, timeout time.Duration, back bool) (f figures, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errTimeout)
	defer cancel()
	if _, err := r.tell(order{Do: doResetPeak}); err != nil {
		return f, err
	}
	read, err := r.process.awaitIdle(ctx, 0)
	if err != nil {
		return f, err
	}
	before, err := r.tell(order{Do: doUsage})
	if err != nil {
		return f, err
	}
	began := time.Now()
	c, err := connect(ctx, r.address, e, l)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	last, err := c.await(ctx)
	if err != nil {
		return f, err
	}
	if back {
		// No resource should come: they are done when the server has read all their requests.
		for c.sent.Load() < uint64(l.streams*len(l.plan(0).wants)) {
			select {
			case <-ctx.Done():
				return f, context.Cause(ctx)
			case <-time.After(time.Millisecond):
			}
		}
	}
	if _, err := r.process.awaitIdle(ctx, read.Requests+c.sent.Load()); err != nil {
		return f, err
	}
	after, err := r.tell(order{Do: doUsage})
	if err != nil {
		return f, err
	}
	if err := c.check(); err != nil {
		return f, err
	}
	got := c.traffic()
	if back && got.resources > 0 {
		return f, fmt.Errorf("%d resources were sent to clients that had them", got.resources)
	}
	f = figures{CPU: after.CPU - before.CPU, Bytes: got.bytes, Peak: after.Peak, Grown: after.Peak - before.RSS}
	if !back {
		f.Wall = max(last.Sub(began), 0)
	}
	return f, nil
}
