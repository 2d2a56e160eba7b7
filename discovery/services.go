package discovery

import (
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/discovery/watch"
)

// service is one that is listed, or was and is not confirmed to be gone.
type service struct {
	*watch.Service
	past     watch.Past     // what Consul was last believed to say of it
	selected consul.Reading // what of that is selected
	begun    time.Time      // when it was first seen
	listed   bool
	read     bool      // it was answered for at least once
	readAt   time.Time // when for the first time
	unwanted time.Time // since when nobody wants it; zero: somebody does
	// A confirmation that it is gone, or a check, is under way.
	confirming, checking bool
}

// moved says that an answer's index is above that of the answer before.
func (s *service) moved(r consul.Reply) bool { return s.past.Index > 1 && r.Index > s.past.Index }

// services are all that are watched, and how far they are read.
type services struct {
	byName     map[string]*service
	refused    map[*service]watch.Refused // Consul refuses to answer for their names
	unread     int                        // were never read
	unanswered int                        // of these: are refused
	progress   time.Time                  // when one was last read for the first time
}

func newServices() services {
	return services{byName: map[string]*service{}, refused: map[*service]watch.Refused{}}
}

// of is the service of an event; nil if it is no longer watched.
func (all *services) of(w *watch.Service) *service {
	if s := all.byName[w.Key.Name]; s != nil && s.Service == w {
		return s
	}
	return nil
}

func (all *services) add(s *service) {
	all.byName[s.Key.Name] = s
	all.unread++
}

// remove forgets s.
func (all *services) remove(s *service) {
	delete(all.byName, s.Key.Name)
	all.unrefuse(s)
	if !s.read {
		all.unread--
	}
}

// answer notes that s was answered for, and returns whether it was not before, or was refused last.
func (all *services) answer(s *service, r consul.Reply) (news bool) {
	if news = all.unrefuse(s) || !s.read; !s.read {
		s.read, s.readAt = true, r.At
		all.unread--
		all.progress = r.At
	}
	s.past.Answers++
	s.past.Index, s.past.Filtered = r.Index, r.Filtered
	return news
}

// refuse notes that Consul refuses to answer for the name of s. It is false if that is known.
func (all *services) refuse(s *service, e watch.Refused) bool {
	if _, known := all.refused[s]; known {
		return false
	}
	all.refused[s] = e
	if !s.read {
		all.unanswered++
	}
	return true
}

// unrefuse takes s out of those that are refused: it was answered, or is no longer watched. It returns whether it was one.
func (all *services) unrefuse(s *service) (was bool) {
	if _, was = all.refused[s]; !was {
		return false
	}
	delete(all.refused, s)
	if !s.read {
		all.unanswered--
	}
	return true
}

// awaited is how many are still to be read for the first time, but for those that are refused.
func (all *services) awaited() int { return all.unread - all.unanswered }

// noneRead says that there is something to read, and that nothing of it was.
func (all *services) noneRead() bool { return all.unread > 0 && all.unread == len(all.byName) }

// unreadProblem names what is not served because it was never read; nil if there is nothing.
func (all *services) unreadProblem(known catalog.Catalog) *catalog.Problem {
	if all.awaited() == 0 {
		return nil
	}
	var names []string
	for name, s := range all.byName {
		_, served := known.Services[s.Key]
		_, refused := all.refused[s]
		if s.read || served || refused || s.begun.After(time.Now().Add(-unreadPatience)) {
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
