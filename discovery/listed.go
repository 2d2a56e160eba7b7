package discovery

import (
	"slices"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/guard"
	"legate/discovery/watch"
)

// relist takes in a new list of services.
func (l *loop) relist(e watch.Listed) {
	if !l.listed {
		l.watchSeeded()
	}
	for _, name := range e.Retagged {
		if s := l.services.byName[name]; s != nil {
			l.queries.ReadSoon(s.Service)
		}
	}
	if e.Index < l.list.Index { // the list's own query may see that before the canary does
		l.observe(e.At, guard.IndexWentBack{})
	}
	l.listed, l.list = true, e
	l.list.Retagged = nil
	l.listUnaskable(e)
	l.w.setIndex(e.Index)
	l.w.interests.list(l.site, e.Names, l.selection)
	for name := range e.Names {
		if !l.isSelected(name) {
			continue
		}
		if s := l.services.byName[name]; s != nil {
			s.listed = true
		}
		l.attend(name, e.At)
	}
	for name, s := range l.services.byName {
		if tags, there := e.Names[name]; !there || !l.selection.Matches(name, tags) {
			s.listed = false
			l.unlisted(s, e.At)
		}
	}
	l.finish()
}

// watch begins to watch a new name.
func (l *loop) watch(name string) *service {
	s := &service{Service: l.queries.Watch(l.ctx, l.key(name)), begun: time.Now()}
	l.services.add(s)
	l.noteInterest(s)
	return s
}

// unlisted decides on a service that is not in the list, or not with the tags that select its
// instances: it goes if it is known to have none, and is asked for if it is known to have some.
func (l *loop) unlisted(s *service, at time.Time) {
	if len(l.served.catalog.Services[s.Key].Instances) == 0 {
		l.drop(s, at)
		return
	}
	if !s.confirming && !l.guard.Held(s.Key) {
		s.confirming = true
		l.queries.Confirm(s.Service, s.past)
	}
}

// drop ends watching s and takes it out of the catalog.
func (l *loop) drop(s *service, at time.Time) {
	l.queries.Unwatch(s.Service, at)
	l.services.remove(s)
	l.w.interests.forget(s.Key.Name)
	l.rehome(s, nil)
	l.observe(at, guard.Unfollowed{Key: s.Key})
	l.finish()
}

// isOn says whether a service has an instance on one of the nodes.
func (l *loop) isOn(of *watch.Service, nodes map[string]struct{}) bool {
	s := l.services.byName[of.Key.Name]
	return s != nil && slices.ContainsFunc(s.selected.Service.Instances, func(i catalog.Instance) bool { _, on := nodes[i.Node]; return on })
}
