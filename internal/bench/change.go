package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// changeCase measures changes one after the other. Each change goes to all contenders in turn.
type changeCase struct {
	id, what, goal string
	services       int
	streams        int
	plan           func(fleet) func(int) plan
	contenders     []string
	// next returns the services that the nth change touches.
	next func(f fleet, n int) []int
	// changes is the number per repetition; 0 takes it from the scale.
	changes int
	judge   func(*result)
	base    string // what ratios compare with; empty: the floor
}

func (c changeCase) run(ctx context.Context, b *bench) (result, error) {
	f := fleet{c.services, instances}
	e, err := newExpected(f)
	if err != nil {
		return result{}, err
	}
	rivals, end, err := b.field(ctx, c.contenders, f, e, layout{
		streams: c.streams, perConnection: b.perConnection, plan: c.plan(f), atOnce: 64,
	})
	if err != nil {
		return result{}, err
	}
	samples, err := c.measure(ctx, b, f, e, rivals)
	if err = errors.Join(err, end()); err != nil {
		return result{}, err
	}
	r := result{Case: c.id, What: c.what, Goal: c.goal, Streams: c.streams, Base: c.base}
	for _, rival := range rivals {
		row := rowOf(rival.name, r.base(), c.streams, samples)
		row.Note = rival.note
		r.Rows = append(r.Rows, row)
	}
	c.judge(&r)
	return r, nil
}

func (c changeCase) measure(ctx context.Context, b *bench, f fleet, e *expected, rivals []*rival) ([]sample, error) {
	changes := c.changes
	if changes == 0 {
		changes = b.scale.changes
	}
	endProfile, err := b.profile(c.id, rivals)
	if err != nil {
		return nil, err
	}
	var samples []sample
	revision := 0
	for range b.scale.rounds {
		sum := sample{}
		for range changes {
			services := c.next(f, revision)
			revision++
			what, err := e.change(services, revision)
			if err != nil {
				return nil, err
			}
			for _, r := range rivals {
				if r.out {
					continue
				}
				one, err := r.change(ctx, services, revision, what, b.scale.timeout)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", r.name, err)
				}
				sum[r.name] = sum[r.name].plus(one)
			}
		}
		for name, total := range sum {
			sum[name] = total.by(changes)
		}
		samples = append(samples, sum)
		for _, r := range rivals {
			// A contender that takes seconds per change is not measured any further.
			if wall := sum[r.name].Wall; !r.out && wall > time.Second && !slices.Contains([]string{legateName, floorName, bridgedName, explainedName}, r.name) {
				r.out, r.note = true, "measured once, since it takes so long"
			}
		}
	}
	return samples, endProfile()
}

// change applies one change to one contender and measures its cost.
func (r *rival) change(ctx context.Context, services []int, revision int, what []changed, timeout time.Duration) (figures, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errTimeout)
	defer cancel()
	if _, err := r.tell(order{Do: doPrepare, Services: services, Revision: revision}); err != nil {
		return figures{}, err
	}
	r.clients.expect(what)
	before, err := r.awaitIdle(ctx)
	if err != nil {
		return figures{}, err
	}
	got := r.clients.traffic()
	began := time.Now()
	if _, err := r.tell(order{Do: doApply, Quick: true}); err != nil {
		return figures{}, err
	}
	last, err := r.clients.await(ctx)
	if err != nil {
		return figures{}, err
	}
	after, err := r.awaitIdle(ctx)
	if err != nil {
		return figures{}, err
	}
	if err := r.clients.check(); err != nil {
		return figures{}, err
	}
	return figures{
		CPU:   after.CPU - before.CPU,
		Wall:  max(last.Sub(began), 0),
		Bytes: r.clients.traffic().bytes - got.bytes,
	}, nil
}

func (f figures) plus(o figures) figures {
	f.CPU += o.CPU
	f.Wall += o.Wall
	f.Bytes += o.Bytes
	return f
}

func (f figures) by(n int) figures {
	f.CPU /= time.Duration(n)
	f.Wall /= time.Duration(n)
	f.Bytes /= int64(n)
	return f
}
