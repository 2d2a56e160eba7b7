package main

import (
	"context"
	"time"
)

// change is one write whose effect is one new assignment of one service.
type change struct {
	service int
	write   func(context.Context, *writer) error
}

// flipper makes changes of health: each turns one instance of a service critical or back.
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

// load writes so many changes a second, one at a time, for a while.
func load(ctx context.Context, w *writer, span time.Duration, perSecond int, next func(n int) change) error {
	return paced(ctx, span, perSecond, func(n int) error { return next(n).write(ctx, w) })
}

// measured is load that waits, beside the pace, for each change to come, and returns how long
// that took.
func (s *stage) measured(ctx context.Context, span time.Duration, perSecond int, patience time.Duration, next func(n int) change) ([]time.Duration, error) {
	type outcome struct {
		took time.Duration
		err  error
	}
	outcomes := make(chan outcome, int(span.Seconds()+1)*perSecond)
	count := 0
	err := paced(ctx, span, perSecond, func(n int) error {
		c := next(n)
		name := serviceName(c.service)
		was, _, err := s.envoy.of(name)
		if err != nil {
			return err
		}
		began := time.Now()
		if err := c.write(ctx, s.writer); err != nil {
			return err
		}
		count++
		go func() {
			at, err := s.envoy.after(ctx, name, was.times, patience)
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

// paced calls do at even times, and not all at once for those that were missed.
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

func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
