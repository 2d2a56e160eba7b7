package discovery

import (
	"time"

	"legate/discovery/catalog"
)

// firstSync is how far the first complete read is.
type firstSync struct {
	unread     int       // services that were never read
	unanswered int       // of these: Consul refuses their names
	progress   time.Time // when a service was last read for the first time
	complete   bool      // all of a list was read, once
}

// finish notes the moment from which the catalog is complete: all was read but for names that
// Consul does not answer for. Where nothing at all was read, it is not about names.
func (l *loop) finish() {
	if l.first.complete || !l.listed || l.first.unread > l.first.unanswered || l.nothingRead() {
		return
	}
	l.complete()
	l.w.log.Info("consul catalog is complete", "datacenter", l.datacenter, "services", len(l.served.catalog))
}

func (l *loop) complete() {
	l.first.complete = true
	l.queries.Complete()
}

// nothingRead says that there is something to read, and that nothing of it was.
func (l *loop) nothingRead() bool { return l.first.unread > 0 && l.first.unread == len(l.services) }

// unreadPatience is how long the first complete read waits for the last few services, if they
// alone cannot be read. It starts with each service that is read.
const unreadPatience = 10 * time.Second

// goOn ends the wait for services that cannot be read while all others were: one bad service
// harms nobody else. They must be few, a tenth at the most, each failing by itself while Consul
// answers: else it is Consul that fails, and waiting is right, because what is not served counts
// as gone. A service that the seed has is served as last known; one that it lacks is left out
// until it can be read. Both are named. Where nothing was read there is nothing to go on with.
func (l *loop) goOn(now time.Time) {
	f := l.first
	if f.complete || !l.listed || f.unread == f.unanswered || l.nothingRead() || now.Sub(f.progress) < unreadPatience {
		return
	}
	if f.unread-f.unanswered > max(1, len(l.services)/10) || l.queries.ListFails() {
		return
	}
	var names []string
	for name, s := range l.services {
		if _, refused := l.refused[s]; s.read || refused {
			continue
		}
		if !l.queries.Fails(s.Service) {
			return // it is on its way
		}
		names = append(names, name)
	}
	l.complete()
	l.w.log.Warn("consul catalog is complete but for services that cannot be read, serving without waiting for them",
		"datacenter", l.datacenter, "services", len(l.served.catalog), "unread", len(names), "first", names[0], "remedy", unreadRemedy)
}

const unreadRemedy = "see the other problems for why; it is asked again and again"

// unreadProblem names what is not served because it was never read; nil if there is nothing.
func (l *loop) unreadProblem() *catalog.Problem {
	if !l.first.complete || l.first.unread == l.first.unanswered {
		return nil
	}
	var names []string
	for name, s := range l.services {
		_, known := l.served.catalog[s.Key]
		_, refused := l.refused[s]
		if s.read || known || refused || s.begun.After(time.Now().Add(-unreadPatience)) {
			continue
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return nil
	}
	return &catalog.Problem{Kind: "unread", Services: len(names), Remedy: unreadRemedy,
		Detail: "not served, because never read: " + catalog.SomeOf(len(names), func(i int) string { return names[i] })}
}
