package discovery

import (
	"log/slog"
	"slices"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/discovery/guard"
)

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
	case <-w.selections: // one that the loop has not seen
	default:
	}
	w.selections <- s
}

// reselect applies a new selection to what is known, and to the last list.
func (l *loop) reselect(s catalog.Selection) {
	l.selection = s
	l.w.setSelection(s)
	warnOfConsul(s, l.w.log)
	l.queries.Select(s)
	now, services, instances := time.Now(), len(l.served.catalog.Services), l.served.size()
	for key, known := range l.served.catalog.Services {
		switch {
		case l.services.byName[key.Name] != nil: // else it is seeded, and the list was not seen yet
		case !s.MatchesName(key.Name):
			l.observe(now, guard.Unfollowed{Key: key})
		case len(known.Instances) > 0:
			l.observe(now, guard.Reselected{Key: key, Selection: s})
		}
	}
	for _, f := range l.services.byName {
		f.selected = selected(s, f.past.Reading)
		switch {
		case !s.MatchesName(f.Key.Name):
			l.drop(f, now)
		case f.read || len(l.served.catalog.Services[f.Key].Instances) > 0: // else there is nothing to select from
			l.observe(now, guard.Reselected{Key: f.Key, Selection: s})
		}
	}
	l.w.log.Info("the selection has changed", "include", s.Include, "exclude", s.Exclude, "tags", s.Tags,
		"services_before", services, "services_kept", len(l.served.catalog.Services), "instances_before", instances, "instances_kept", l.served.size())
	if !l.listed {
		return
	}
	again := l.list
	again.At = now
	l.relist(again)
}
