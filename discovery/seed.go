package discovery

import (
	"time"

	"legate/discovery/catalog"
	"legate/discovery/guard"
)

// Seed gives the Watcher a catalog that was believed before it started, from an earlier run. It
// is called before Run, at most once; the catalog must not be changed afterwards.
//
// The seeded services count as last believed, exactly as if this Watcher had read them: what
// Consul says of them at first is a change, and is judged as one. A service that Consul lists no
// longer goes only when that is confirmed. The first Delta is still complete, and handed out
// only when all of Consul's services, and the seeded ones that it does not list, were read.
// Services of another datacenter than the one that is watched are left out, and so is what is not
// selected.
func (w *Watcher) Seed(c catalog.Catalog) { w.seed = c }

// plant puts the seed into the catalog, as something that the reader does not have.
func (o *owner) plant(seed catalog.Catalog) {
	for key, s := range o.selection.Of(seed) {
		if key.Datacenter != o.datacenter {
			continue
		}
		o.outbox.note(key, catalog.Service{}, false, time.Time{})
		o.catalog[key] = s
		o.count(s, +1)
		o.guard.Step(time.Time{}, guard.Seeded{Key: key, Instances: s.Instances})
	}
	o.publish()
}

// recall follows what was seeded, before the first list says which of it is still there.
func (o *owner) recall() {
	for key := range o.catalog {
		if o.follow[key.Name] == nil && key.Askable() {
			o.begin(key.Name)
		}
	}
}

// seeded is the datacenter that the seed is of; empty if there is none.
func (w *Watcher) seeded() string {
	for key := range w.seed {
		return key.Datacenter
	}
	return ""
}
