package discovery

import (
	"time"

	"legate/discovery/catalog"
	"legate/discovery/guard"
	"legate/discovery/watch"
)

// answered takes in an answer about a service, by its blocking query or when it was polled.
func (l *loop) answered(e watch.Answered) {
	s := l.services.of(e.Service)
	if s == nil {
		return
	}
	moved := s.moved(e.Reply)
	if l.services.answer(s, e.Reply) {
		l.noteInterest(s)
	}
	l.weigh(s, e, guard.Answered{Consistent: e.Reply.Consistent, Moved: moved, Doubt: e.Doubt})
	l.finish()
}

// confirmed takes in the leader's word on a service that is not listed.
func (l *loop) confirmed(e watch.Confirmed) {
	s := l.services.of(e.Service)
	if s == nil {
		return
	}
	s.confirming = false
	if s.listed || len(selected(l.selection, e.Reading).Service.Instances) > 0 {
		return // it is there: its own query will tell when it is not
	}
	if s.past.Answers != e.Past.Answers { // it was read while this was under way: which is newer?
		l.unlisted(s, e.Reply.At)
		return
	}
	l.weigh(s, e.Answered, guard.Answered{Consistent: true, Moved: s.moved(e.Reply), Doubt: e.Doubt})
}

// weigh takes over what an answer says of s, but for losses that the guard holds. seen is what else the
// guard is to know of it.
func (l *loop) weigh(s *service, e watch.Answered, seen guard.Answered) guard.Decision {
	l.rehome(s, e.Reading.Service.Instances)
	before := l.served.catalog.Services[s.Key].Instances
	s.past.Reading, s.selected = e.Reading, selected(l.selection, e.Reading)
	seen.Key, seen.Said, seen.Selected = s.Key, e.Reading.Service.Instances, s.selected.Service.Instances
	d := l.observe(e.Reply.At, seen)
	l.report.deselected(s, catalog.Lacking(before, l.served.catalog.Services[s.Key].Instances), l.selection.Tags, e.Reply.At)
	return d
}

// observe tells the guard what happened, and does what it decides.
func (l *loop) observe(at time.Time, seen guard.Observation) guard.Decision {
	d := l.guard.Step(at, seen)
	l.report.decided(d)
	for _, e := range d.Ended {
		if e.Entry == (catalog.EntryKey{}) {
			l.queries.EndChecks(e.Key)
		}
	}
	for _, e := range d.Entries {
		l.served.setEntry(e, at)
	}
	for _, key := range d.GoneEntries {
		l.served.removeEntry(key, at)
	}
	for _, s := range d.Serve {
		l.serve(s.Key, s.Instances, at)
	}
	return d
}

// serve puts what is served of a service into the catalog. One without instances stays there if
// Consul lists it as a service, and keeps those of its last ones that are selected as its former ones.
func (l *loop) serve(key catalog.ServiceKey, instances []catalog.Instance, at time.Time) {
	s := l.services.byName[key.Name]
	was, known := l.served.catalog.Services[key]
	was.Key = key
	is := was.With(instances)
	is.Former = l.selection.Instances(is.Former)
	switch {
	case len(instances) > 0:
		l.set(is, at)
	case s == nil:
		l.served.remove(key, at)
	case !s.listed:
		l.drop(s, at)
	case !s.read || s.selected.Others > 0: // nothing of it is selected, or proxies and gateways only: not a service
		l.served.remove(key, at)
	case known:
		l.set(is, at)
	}
}

// set puts a service into the catalog. One that changes may be given a blocking query of its own.
func (l *loop) set(is catalog.Service, at time.Time) {
	s := l.services.byName[is.Key.Name]
	if s != nil {
		is.Index = s.past.Index
	}
	if !l.served.set(is, at) {
		return
	}
	if s != nil && s.past.Answers > 1 { // else it was read for the first time
		l.queries.Changed(s.Service, at)
	}
}
