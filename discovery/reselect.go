package discovery

import (
	"log/slog"
	"slices"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/discovery/guard"
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
	for key, known := range o.catalog {
		switch {
		case o.follow[key.Name] != nil: // else it is seeded, and the list was not seen yet
		case !s.MatchesName(key.Name):
			o.observe(now, guard.Unfollowed{Key: key})
		case len(known.Instances) > 0:
			o.observe(now, guard.Reselected{Key: key, Selection: s})
		}
	}
	for _, f := range o.follow {
		f.truth = selected(s, f.said)
		switch {
		case !s.MatchesName(f.key.Name):
			o.drop(f, now)
		case f.read || len(o.catalog[f.key].Instances) > 0: // else there is nothing to select from
			o.observe(now, guard.Reselected{Key: f.key, Selection: s})
		}
	}
	o.w.log.Info("the selection has changed", "include", s.Include, "exclude", s.Exclude, "tags", s.Tags,
		"services_before", services, "services_kept", len(o.catalog), "instances_before", instances, "instances_kept", o.size())
	if !o.listed {
		return
	}
	again := o.last
	again.at = now
	again.apply(o)
}
