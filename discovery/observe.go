package discovery

import (
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/discovery/guard"
)

// answer is a believed answer about one service, on its way into the catalog.
type answer struct {
	reading    consul.Reading
	at         time.Time
	consistent bool
	moved      bool          // its index is above that of the answer before
	doubt      bool          // what it takes away must be said twice
	second     *guard.Second // it answers a second look
}

// consider takes over what an answer says of f, but for losses that the guard holds.
func (o *owner) consider(f *followed, a answer) guard.Decision {
	before := o.catalog[f.key].Instances
	f.said, f.truth = a.reading, selected(o.selection, a.reading)
	d := o.observe(a.at, guard.Answered{
		Key: f.key, Said: f.said.Service.Instances, Selected: f.truth.Service.Instances,
		Consistent: a.consistent, Moved: a.moved, Doubt: a.doubt, Second: a.second,
	})
	o.logDeselected(f, before, a.at)
	return d
}

// observe tells the guard what happened, and does what it decides.
func (o *owner) observe(at time.Time, seen guard.Observation) guard.Decision {
	d := o.guard.Step(at, seen)
	for _, e := range d.Ended {
		o.w.metrics.HoldEnded(e.Outcome)
		o.w.trouble.forget(lookLoop(e.Key), time.Now())
	}
	o.over = append(o.over, d.Ended...)
	o.holdsMoved = o.holdsMoved || d.HoldsChanged
	for _, key := range d.Again {
		if f := o.follow[key.Name]; f != nil {
			f.afresh.interrupt()
			o.w.rotation.hurry(f)
		}
	}
	for _, s := range d.Serve {
		o.serve(s.Key, s.Instances, at)
	}
	return d
}

// serve puts what is served of a service into the catalog. One without instances stays there if
// Consul lists it as a service.
func (o *owner) serve(key catalog.ServiceKey, instances []catalog.Instance, at time.Time) {
	f := o.follow[key.Name]
	_, known := o.catalog[key]
	switch {
	case len(instances) > 0:
		o.set(catalog.Service{Key: key, Instances: instances}, at)
	case f == nil:
		o.unset(key, at)
	case !f.listed:
		o.drop(f, at)
	case !f.read || f.truth.Others > 0: // nothing of it is selected, or proxies and gateways only: not a service
		o.unset(key, at)
	case known:
		o.set(catalog.Service{Key: key}, at)
	}
}
