package discovery

import (
	"fmt"
	"maps"
	"slices"

	"legate/discovery/catalog"
	"legate/discovery/watch"
)

// Consul lists names for which it will not answer. There are two kinds. Some cannot be asked for at
// all, because they are not printable: listUnaskable. For others the question is refused (4xx) while the
// same question about other names is answered: package watch finds that out, and loop.refused has them.

// listUnaskable puts the listed names that cannot be asked for into the catalog, without instances.
// Translation then reports that they are not served, and why. They have no query, so nothing waits
// for them.
func (l *loop) listUnaskable(e watch.Listed) {
	for key := range l.served.catalog {
		tags, there := e.Names[key.Name]
		if listed := there && l.selection.Matches(key.Name, tags); !listed && !key.Askable() {
			l.served.remove(key, e.At)
		}
	}
	for name, tags := range e.Names {
		key := catalog.ServiceKey{Datacenter: l.datacenter, Name: name}
		if !key.Askable() && l.selection.Matches(name, tags) {
			l.served.set(catalog.Service{Key: key}, e.At)
		}
	}
}

// refuse takes in that Consul refuses to answer for a service's name.
func (l *loop) refuse(e watch.Refused) {
	s := l.followed(e.Service)
	if s == nil {
		return
	}
	if _, known := l.refused[s]; known {
		return
	}
	l.refused[s] = e
	if !s.read {
		l.first.unanswered++
	}
	_, served := l.served.catalog[s.Key]
	if l.lines.refused.line("refused", e.At) {
		l.w.log.Warn(refusedText, "service", s.Key.Name, "served_as_last_known", served, "error", e.Err, "remedy", refusedRemedy)
	}
	l.finish()
}

// unrefuse takes s out of the refused ones: it was answered, or is no longer watched.
func (l *loop) unrefuse(s *service) {
	if _, was := l.refused[s]; !was {
		return
	}
	delete(l.refused, s)
	if !s.read {
		l.first.unanswered--
	}
}

const (
	refusedText   = "consul lists a service and refuses to answer for it, going on with all others"
	refusedRemedy = "register it under a plain name, look at what stands between that refuses this path, or leave it out with --exclude"
)

// refusedProblem names the services for which Consul does not answer; nil if there are none.
func (l *loop) refusedProblem() *catalog.Problem {
	if len(l.refused) == 0 {
		return nil
	}
	all := slices.SortedFunc(maps.Keys(l.refused), func(a, b *service) int { return a.Key.Compare(b.Key) })
	since := l.refused[all[0]].At
	for _, s := range all {
		if at := l.refused[s].At; at.Before(since) {
			since = at
		}
	}
	names := catalog.SomeOf(len(all), func(i int) string { return fmt.Sprintf("%q", all[i].Key.Name) })
	return &catalog.Problem{
		Kind: "refused_names", Since: since, Services: len(all), Remedy: refusedRemedy,
		Detail: fmt.Sprintf("Consul lists these names and does not answer for them, while it does for others; what was known of them stays: %s: %v",
			names, l.refused[all[0]].Err),
	}
}
