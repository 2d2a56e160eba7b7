package discovery

import (
	"fmt"

	"legate/discovery/catalog"
	"legate/discovery/watch"
)

// Consul lists names for which it will not answer. There are two kinds. Some cannot be asked for at
// all, because they are not printable: listUnaskable. For others the question is refused (4xx) while the
// same question about other names is answered: package watch finds that out, and services.refused has them.

// listUnaskable puts the listed names that cannot be asked for into the catalog, without instances.
// Translation then reports that they are not served, and why. They have no query, so nothing waits
// for them.
func (l *loop) listUnaskable(e watch.Listed) {
	for key := range l.served.catalog.Services {
		tags, there := e.Names[key.Name]
		if listed := there && l.selection.Matches(key.Name, tags); !listed && !key.Askable() {
			l.served.remove(key, e.At)
		}
	}
	for name, tags := range e.Names {
		key := l.key(name)
		if !key.Askable() && l.selection.Matches(name, tags) && l.isWanted(key) {
			l.served.set(catalog.Service{Key: key}, e.At)
		}
	}
}

// refuse takes in that Consul refuses to answer for a service's name.
func (l *loop) refuse(e watch.Refused) {
	s := l.services.of(e.Service)
	if s == nil || !l.services.refuse(s, e) {
		return
	}
	l.noteInterest(s)
	_, served := l.served.catalog.Services[s.Key]
	l.report.refused(s, served, e.Err, e.At)
	l.finish()
}

const (
	refusedText   = "consul lists a service and refuses to answer for it, going on with all others"
	refusedRemedy = "register it under a plain name, look at what stands between that refuses this path, or leave it out with --exclude"
)

// refusedProblem names the services for which Consul does not answer; nil if there are none.
func (all *services) refusedProblem() *catalog.Problem {
	if len(all.refused) == 0 {
		return nil
	}
	sorted := all.sortedRefused()
	since := all.refused[sorted[0]].At
	for _, s := range sorted {
		if at := all.refused[s].At; at.Before(since) {
			since = at
		}
	}
	names := catalog.SomeOf(len(sorted), func(i int) string { return fmt.Sprintf("%q", sorted[i].Key.Name) })
	return &catalog.Problem{
		Kind: "refused_names", Since: since, Services: len(sorted), Remedy: refusedRemedy,
		Detail: fmt.Sprintf("Consul lists these names and does not answer for them, while it does for others; what was known of them stays: %s: %v",
			names, all.refused[sorted[0]].Err),
	}
}
