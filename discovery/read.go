package discovery

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"legate/discovery/catalog"
	"legate/discovery/consul"
)

// Read reads everything once, consistently, and returns the first error instead of waiting for
// better times; only an answer in doubt is asked for twice. It may be called instead of Run, not beside it.
func (w *Watcher) Read(ctx context.Context) (catalog.Catalog, error) {
	defer w.client.Close()
	datacenter := w.cfg.Consul.Datacenter
	if datacenter == "" {
		var err error
		if datacenter, err = w.client.AgentDatacenter(ctx); err != nil {
			return catalog.Catalog{}, withRemedy(err)
		}
		w.setDatacenter(datacenter)
	}
	w.client.SetDatacenter(datacenter)
	list, err := w.queries.ReadList(ctx)
	if err != nil {
		return catalog.Catalog{}, withRemedy(err)
	}
	var names []string
	read, selection := catalog.New(), w.cfg.Selection()
	for _, name := range slices.Sorted(maps.Keys(list)) {
		switch key := (catalog.ServiceKey{Datacenter: datacenter, Name: name}); {
		case !selection.Matches(name, list[name]):
		case !key.Askable():
			read.Services[key] = catalog.Service{Key: key} // what translates it says that it is left out
		default:
			names = append(names, name)
		}
	}
	readings := make([]consul.Reading, len(names))
	refused := make([]error, len(names))
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(w.cfg.Watch.FirstReads)
	for i, name := range names {
		group.Go(func() error {
			key := catalog.ServiceKey{Datacenter: datacenter, Name: name}
			said, alone, err := w.queries.ReadService(reading, key)
			readings[i] = selected(selection, said)
			if alone {
				refused[i], err = err, nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return catalog.Catalog{}, withRemedy(err)
	}
	if len(names) > 0 && !slices.Contains(refused, nil) {
		return catalog.Catalog{}, withRemedy(refused[0])
	}
	for i, r := range readings {
		if refused[i] != nil {
			w.log.Warn(refusedText, "service", names[i], "error", refused[i], "remedy", refusedRemedy)
		} else if len(r.Service.Instances) > 0 {
			read.Services[r.Service.Key] = r.Service
		}
	}
	return read, w.readEntries(ctx, read)
}

// readEntries reads the config entries into a catalog. Kinds that Consul does not tell are left out.
func (w *Watcher) readEntries(ctx context.Context, into catalog.Catalog) error {
	for _, kind := range w.cfg.Watch.Kinds() {
		entries, refused, err := w.queries.ReadEntries(ctx, kind)
		switch {
		case refused:
			w.log.Warn("consul does not tell config entries of a kind, going on without", "kind", kind, "error", err, "remedy", consul.RemedyOf(err))
		case err != nil:
			return withRemedy(err)
		}
		for _, e := range entries {
			into.Entries[e.Key] = e
		}
	}
	return nil
}

// withRemedy is for errors that a person reads at once.
func withRemedy(err error) error {
	return fmt.Errorf("%w (%s)", err, consul.RemedyOf(err))
}
