package discovery

import (
	"maps"
	"slices"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/guard"
)

// Seed gives the Watcher a catalog that was believed before it started, from an earlier run. It
// is called before Run, at most once; the catalog must not be changed afterwards.
//
// The seeded services and config entries count as last believed, exactly as if this Watcher had read them: what
// Consul says of them at first is a change, and is judged as one. A service that Consul lists no
// longer goes only when that is confirmed. The first Delta is still complete, and handed out
// only when all of Consul's services, and the seeded ones that it does not list, were read.
// Services of another datacenter than the one that is watched are left out, with the entries that came
// with them, and so is what is not selected.
func (w *Watcher) Seed(c catalog.Catalog) { w.seed = c }

// useSeed puts the seed into the catalog, as something that the reader does not have.
func (l *loop) useSeed(seed catalog.Catalog) {
	here := false
	for key := range seed.Services {
		here = here || key.Site() == l.site
	}
	for key, s := range l.selection.Of(seed).Services {
		if key.Site() != l.site {
			continue
		}
		l.seeded = true
		l.served.seed(s)
		l.guard.Step(time.Time{}, guard.Seeded{Key: key, Instances: s.Instances})
	}
	if here && len(l.entries.kinds) > 0 {
		for _, e := range seed.Entries {
			l.served.seedEntry(e)
		}
		l.guard.Step(time.Time{}, guard.SeededEntries{Entries: slices.Collect(maps.Values(seed.Entries))})
	}
	l.publish()
}

// watchSeeded watches what was seeded, before the first list says which of it is still there.
func (l *loop) watchSeeded() {
	for key := range l.served.catalog.Services {
		if l.services.byName[key.Name] == nil && key.Askable() {
			l.watch(key.Name)
			l.attend(key.Name, time.Now())
		}
	}
}

// seeded is the datacenter that the seed is of; empty if there is none.
func (w *Watcher) seeded() string {
	for key := range w.seed.Services {
		return key.Datacenter
	}
	return ""
}
