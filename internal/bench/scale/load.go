package main

import (
	"context"
	"time"
)

// change is one write that results in one new assignment of one service.
type change struct {
	service int
	write   func(context.Context, *writer) error
}

// flipper makes changes of health: each turns one instance of a service critical or back to
// passing.
type flipper struct{ critical map[int]bool }

func (f *flipper) change(service int) change {
	if f.critical == nil {
		f.critical = map[int]bool{}
	}
	i := instance{service: service, n: 1}
	if !f.critical[service] {
		i.status = "critical"
	}
	f.critical[service] = !f.critical[service]
	return change{service, func(ctx context.Context, w *writer) error { return w.set(ctx, i) }}
}

// load makes that many changes a second, one at a time, for a while.
func load(ctx context.Context, w *writer, span time.Duration, perSecond int, next func(n int) change) error {
	return paced(ctx, span, perSecond, func(n int) error { return next(n).write(ctx, w) })
}

// measured is load that waits for each change to arrive, without slowing the pace, and returns how
// long each took.
func (s *stage) measured(ctx context.Context, span time.Duration, perSecond int, timeout time.Duration, next func(n int) change) ([]time.Duration, error) {
	return s.measuredAt(ctx, s.own(), span, perSecond, timeout, next)
}

// measuredAt is measured for changes at a place.
func (s *stage) measuredAt(ctx context.Context, p place, span time.Duration, perSecond int, timeout time.Duration, next func(n int) change) ([]time.Duration, error) {
	type outcome struct {
		took time.Duration
		err  error
	}
	outcomes := make(chan outcome, int(span.Seconds()+1)*perSecond)
	count := 0
	err := paced(ctx, span, perSecond, func(n int) error {
		c := next(n)
		name := serviceName(c.service) + p.suffix
		was, _, err := s.envoy.of(name)
		if err != nil {
			return err
		}
		began := time.Now()
		if err := c.write(ctx, p.writer); err != nil {
			return err
		}
		count++
		go func() {
			at, err := s.envoy.after(ctx, name, was.times, timeout)
			outcomes <- outcome{at.Sub(began), err}
		}()
		return nil
	})
	var all []time.Duration
	for range count {
		o := <-outcomes
		if o.err != nil {
			err = o.err
			continue
		}
		all = append(all, o.took)
	}
	return all, err
}

// paced calls do at even intervals. Missed calls are not made up for in a burst.
func paced(ctx context.Context, span time.Duration, perSecond int, do func(n int) error) error {
	ticker := time.NewTicker(time.Second / time.Duration(perSecond))
	defer ticker.Stop()
	end := time.Now().Add(span)
	for n := 0; time.Now().Before(end); n++ {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := do(n); err != nil {
			return err
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
