package discovery

import (
	"log/slog"
	"slices"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
)

// Selection is what a Watcher starts with.
func (c Config) Selection() catalog.Selection {
	return catalog.Selection{Include: c.Include, Exclude: c.Exclude, Tags: c.Tags}
}

// Selecting is c with another selection.
func (c Config) Selecting(s catalog.Selection) Config {
	c.Include, c.Exclude, c.Tags = s.Include, s.Exclude, s.Tags
	return c
}

// warnOfConsul logs that Consul's own service is never served, if s includes it by its name.
func warnOfConsul(s catalog.Selection, log *slog.Logger) {
	if slices.Contains(s.Include, catalog.ConsulService) {
		log.Warn("the service is never served: it is Consul's own entry for its servers, and nobody's upstream",
			"service", catalog.ConsulService, "remedy", "take it out of --include; name servers as a service of their own if clients shall reach them")
	}
}

// selected is the selected part of r. Instances that are not selected count among its others.
func selected(s catalog.Selection, r consul.Reading) consul.Reading {
	picked := s.Instances(r.Service.Instances)
	r.Others += len(r.Service.Instances) - len(picked)
	r.Service.Instances = picked
	return r
}

// Select changes what is watched, at any time. It does not wait: what is selected now is read and
// handed out as it comes, what is not any more is taken back at once, held or not, since somebody
// asked for just that.
func (w *Watcher) Select(s catalog.Selection) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.selections: // one that the owner has not seen
	default:
	}
	w.selections <- s
}

// reselect applies a new selection to what is known, and to the last list.
func (o *owner) reselect(s catalog.Selection) {
	o.selection = s
	warnOfConsul(s, o.w.log)
	o.w.selection.Store(&s)
	now, services, instances := time.Now(), len(o.catalog), o.size()
	o.byHand = true
	for key := range o.catalog {
		if o.follow[key.Name] == nil { // seeded, and the list was not seen yet
			o.narrow(key, now)
		}
	}
	for _, f := range o.follow {
		if s.MatchesName(f.key.Name) {
			o.pickAgain(f, now)
		} else {
			o.drop(f, now)
		}
	}
	o.byHand = false
	o.w.log.Info("the selection has changed", "include", s.Include, "exclude", s.Exclude, "tags", s.Tags,
		"services_before", services, "services_kept", len(o.catalog), "instances_before", instances, "instances_kept", o.size())
	if !o.listed {
		return
	}
	again := o.last
	again.at = now
	again.apply(o)
}

// pickAgain serves what is selected now of all that Consul last said of f, and of what is kept. Of
// a service that it was not asked for yet, the seed said it.
func (o *owner) pickAgain(f *followed, now time.Time) {
	if !f.read && f.hold == nil {
		o.narrow(f.key, now)
		return
	}
	f.truth = selected(o.selection, f.said)
	o.noteCriticals(f, answer{reading: f.truth, at: now})
	if h := f.hold; h != nil {
		o.kept -= h.taking()
		h.reading = f.truth
		h.keep(lacking(o.selection.Instances(h.instances()), f.truth.Service.Instances))
		o.kept += h.taking()
		if len(h.kept) > 0 {
			o.holdsMoved = true
			o.serve(f, h.served(), now)
			return
		}
		o.unhold(f, "dropped")
	}
	o.settle(f, now)
}

// narrow is for a service that is known from the seed only.
func (o *owner) narrow(key catalog.ServiceKey, now time.Time) {
	was, known := o.catalog[key]
	if !known {
		return
	}
	left, still := o.selection.Of(catalog.Catalog{key: was})[key]
	if still {
		o.set(left, now)
	} else {
		o.unset(key, now)
	}
}
