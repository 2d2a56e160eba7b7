package discovery

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"
)

// Read reads everything once, consistently, and returns the first error instead of waiting for
// better times. It may be called instead of Run, not beside it.
func (w *Watcher) Read(ctx context.Context) (Catalog, error) {
	if w.consul.pool != nil {
		defer w.consul.pool.close()
	}
	datacenter := w.cfg.Datacenter
	if datacenter == "" {
		var err error
		if datacenter, err = w.consul.agentDatacenter(ctx); err != nil {
			return nil, withRemedy(err)
		}
		w.mu.Lock()
		w.status.Datacenter = datacenter
		w.mu.Unlock()
	}
	w.consul.datacenter = datacenter
	list, err := w.listQuery().next(ctx, false)
	if err != nil {
		return nil, withRemedy(err)
	}
	var names []string
	selection := w.cfg.Selection()
	for _, name := range slices.Sorted(maps.Keys(list.value)) {
		if selection.lists(name, list.value[name]) {
			names = append(names, name)
		}
	}
	readings := make([]reading, len(names))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(w.cfg.FirstReads)
	for i, name := range names {
		group.Go(func() error {
			got, err := w.serviceQuery(ServiceKey{Datacenter: datacenter, Name: name}).next(ctx, false)
			readings[i] = selection.of(got.value)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, withRemedy(err)
	}
	catalog := make(Catalog, len(readings))
	for _, r := range readings {
		if len(r.service.Instances) > 0 {
			catalog[r.service.Key] = r.service
		}
	}
	return catalog, nil
}

// withRemedy is for errors that a person reads at once.
func withRemedy(err error) error {
	return fmt.Errorf("%w (%s)", err, failureOf(err).remedy())
}
