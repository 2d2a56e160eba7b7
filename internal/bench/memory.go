package main

import (
	"context"
	"errors"
)

// memoryCase measures the memory of a server without streams, and with many.
type memoryCase struct {
	id, what, goal string
	services       int
	streams        int
	plan           func(fleet) func(int) plan
	contenders     []string
	judge          func(*result)
}

func (c memoryCase) name() string { return c.id }

func (c memoryCase) run(ctx context.Context, b *bench) (result, error) {
	f := fleet{c.services, instances}
	r := result{Case: c.id, What: c.what, Goal: c.goal, Streams: c.streams}
	e, err := newExpected(f)
	if err != nil {
		return r, err
	}
	// One after the other: their memory does not depend on other processes.
	for _, name := range c.contenders {
		rivals, end, err := b.field(ctx, []string{name}, f, e, layout{})
		if err != nil {
			return r, err
		}
		for _, rival := range rivals {
			var row row
			row, err = c.measure(ctx, b, e, rival)
			r.Rows = append(r.Rows, row)
		}
		if err = errors.Join(err, end()); err != nil {
			return r, err
		}
	}
	c.judge(&r)
	return r, nil
}

func (c memoryCase) measure(ctx context.Context, b *bench, e *expected, r *rival) (row, error) {
	without, err := r.tell(order{Do: doUsage, Collect: true})
	if err != nil {
		return row{}, err
	}
	l := layout{streams: c.streams, perConnection: b.perConnection, plan: c.plan(e.catalog.fleet), atOnce: 64}
	if err := r.bringUp(ctx, e, l, 4*b.scale.timeout); err != nil {
		return row{}, err
	}
	with, err := r.tell(order{Do: doUsage, Collect: true})
	if err != nil {
		return row{}, err
	}
	if err := b.heapProfile(c.id, []*rival{r}); err != nil {
		return row{}, err
	}
	each := func(bytes int64) float64 { return float64(bytes) / float64(c.streams) / (1 << 10) }
	return row{
		Contender: r.name, Samples: 1,
		HeapMB: megabytes(without.Heap), RSSMB: megabytes(without.RSS),
		HeapStreamKB: each(with.Heap - without.Heap), PerStreamKB: each(with.RSS - without.RSS),
	}, nil
}
