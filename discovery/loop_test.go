package discovery

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/discovery/watch"
	"legate/internal/logtest"
)

// What was asked for before a newer answer came says nothing any more, however late it arrives.
func TestAnAnswerThatANewerOneOvertookChangesNothing(t *testing.T) {
	inLoop(t, func(t *testing.T, l *loop, asked *recorder) {
		l.reads("web", 11, 2)
		s := l.services.byName["web"]
		old := watch.Answered{Service: s.Service, Reply: consul.Reply{At: time.Now(), Index: 90}}
		past := s.past
		l.reads("web", 20, 3) // meanwhile
		s.listed = false
		l.checks.running++
		l.handle(watch.Checked{Answered: old, Past: past})
		if n := len(l.served.catalog.Services[s.Key].Instances); n != 3 || !asked.nothing() {
			t.Errorf("%d instances, asked for %+v: a check from before the last answer was compared with it", n, asked)
		}
		s.confirming, s.listed = true, true
		l.handle(watch.Confirmed{Answered: old, Past: past})
		if s.confirming {
			t.Error("it is confirmed, and counts as being asked for")
		}
		s.confirming, s.listed = true, false
		l.handle(watch.Confirmed{Answered: old, Past: past})
		if n := len(l.served.catalog.Services[s.Key].Instances); n != 3 || l.services.byName["web"] != s {
			t.Errorf("%d instances: what confirms was asked before the last answer", n)
		}
		if !s.confirming {
			t.Error("it is not asked for again")
		}
	})
}

// A service that changes may be given a blocking query. To be read for the first time is no change.
func TestAServiceThatChangesIsNoted(t *testing.T) {
	inLoop(t, func(t *testing.T, l *loop, asked *recorder) {
		l.reads("web", 11, 2)
		if len(asked.changed) > 0 {
			t.Error("it was read for the first time")
		}
		l.reads("web", 12, 3)
		l.reads("web", 13, 3)
		if !slices.Equal(asked.changed, []string{"web"}) {
			t.Errorf("changed: %v", asked.changed)
		}
	})
}

// inLoop has an event loop that knows that there are the services web and api, and has read none.
func inLoop(t *testing.T, story func(t *testing.T, l *loop, asked *recorder)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeConsul("web", "api")
		fake.changed = make(chan struct{}) // of this bubble
		w := watcherOver(t, fakeConfig(), fake, &logtest.Buffer{})
		asked := &recorder{Queries: w.queries}
		l := newLoop(w, asked, catalog.Site{Datacenter: "dc1"}, time.Now())
		ctx, cancel := context.WithCancel(t.Context())
		l.ctx = ctx
		l.lists(10, "web", "api")
		story(t, l, asked)
		cancel()
	})
}

// recorder notes what the loop asks of the queries. Nobody runs these.
type recorder struct {
	*watch.Queries
	again    []string // names that are to be read again from the start; all: everything
	restarts []string // whose blocking query is to start over
	soon     []string // that are to be polled at once
	changed  []string
	polled   bool // services are polled
	failing  map[string]bool
	noList   bool
}

func (r *recorder) ReadAgain(s *watch.Service)    { r.again = append(r.again, s.Key.Name) }
func (r *recorder) RestartQuery(s *watch.Service) { r.restarts = append(r.restarts, s.Key.Name) }
func (r *recorder) RestartAll(string)             { r.again = append(r.again, "all") }
func (r *recorder) Fails(s *watch.Service) bool   { return r.failing[s.Key.Name] }
func (r *recorder) ListFails() bool               { return r.noList }
func (r *recorder) Changed(s *watch.Service, _ time.Time) {
	r.changed = append(r.changed, s.Key.Name)
}

func (r *recorder) ReadSoon(s *watch.Service) bool {
	if r.polled {
		r.soon = append(r.soon, s.Key.Name)
	}
	return r.polled
}

// forget is that nothing was asked yet.
func (r *recorder) forget() { r.again, r.restarts, r.soon, r.changed = nil, nil, nil, nil }

// nothing says that nothing was asked.
func (r *recorder) nothing() bool { return len(r.again)+len(r.restarts)+len(r.soon) == 0 }

// lists gives the loop a list of services.
func (l *loop) lists(index uint64, names ...string) {
	list := consul.Listing{"consul": nil}
	for _, name := range names {
		list[name] = nil
	}
	l.handle(watch.Listed{Names: list, At: time.Now(), Index: index})
}

// reads gives the loop an answer with so many instances.
func (l *loop) reads(name string, index uint64, instances int) {
	s := l.services.byName[name]
	r := consul.Reading{Service: catalog.Service{Key: s.Key}}
	for n := range instances {
		r.Service.Instances = append(r.Service.Instances, catalog.Instance{ID: name + string(rune('a'+n)), Node: "n", Address: "10.0.0.1", Port: 80})
	}
	l.handle(watch.Answered{Service: s.Service, Reading: r, Reply: consul.Reply{Question: consul.Question{Consistent: true}, Index: index, At: time.Now()}})
}

// Who had an instance that another service has now is read again: its query may not return.
func TestWhoLosesAnInstanceToAnotherIsReadAgain(t *testing.T) {
	inLoop(t, func(t *testing.T, l *loop, asked *recorder) {
		l.reads("web", 11, 2)
		l.reads("api", 12, 1)
		asked.forget()
		api, reading := l.services.byName["api"], l.services.byName["web"].past.Reading
		reading.Service.Key = api.Key
		for n := range 2 {
			l.handle(watch.Answered{Service: api.Service, Reading: reading, Reply: consul.Reply{Index: uint64(20 + n), At: time.Now()}})
		}
		if !slices.Equal(asked.again, []string{"web", "web"}) {
			t.Errorf("read again are %v, want who had the two instances, and that not twice", asked.again)
		}
		asked.forget()
		l.reads("web", 95, 0)
		l.reads("web", 96, 2) // it has them again
		if !slices.Equal(asked.again, []string{"api", "api"}) {
			t.Errorf("read again are %v, want who had the two instances", asked.again)
		}
		for _, name := range []string{"web", "api"} {
			l.drop(l.services.byName[name], time.Now())
		}
		if len(l.homes) != 0 {
			t.Errorf("%d instances are known still", len(l.homes))
		}
	})
}

// Nothing is kept of a service that is gone.
func TestAServiceThatIsGoneIsForgotten(t *testing.T) {
	inLoop(t, func(t *testing.T, l *loop, _ *recorder) {
		l.reads("web", 11, 2)
		l.reads("api", 12, 1)
		l.reads("web", 13, 0)
		l.lists(14, "api")
		if l.services.byName["web"] != nil || len(l.served.catalog.Services) != 1 || len(l.services.byName) != 1 {
			t.Fatalf("%d services are left in the catalog", len(l.served.catalog.Services))
		}
		for _, p := range l.w.Status().Problems {
			t.Errorf("problem: %+v", p)
		}
	})
}

// One that goes before it was ever read is not waited for, whether it was refused or failed.
func TestAServiceThatGoesUnreadIsNotWaitedFor(t *testing.T) {
	for _, what := range []string{"failed", "refused"} {
		inLoop(t, func(t *testing.T, l *loop, asked *recorder) {
			now := time.Now()
			l.reads("web", 11, 2)
			gone := l.services.byName["api"]
			if what == "refused" {
				l.handle(watch.Refused{Service: gone.Service, Err: errors.New("400"), At: now})
				l.handle(watch.Refused{Service: gone.Service, Err: errors.New("400"), At: now})
				if p := l.services.refusedProblem(); p == nil || p.Services != 1 || l.services.unanswered != 1 {
					t.Errorf("problem: %+v", p)
				}
			}
			l.lists(21, "web", "next")
			if l.services.unread != 1 || l.services.unanswered != 0 || l.services.refusedProblem() != nil {
				t.Errorf("%s: %d unread, %d of them refused: want the one that is listed", what, l.services.unread, l.services.unanswered)
			}
			l.handle(watch.Refused{Service: gone.Service, Err: errors.New("400"), At: now}) // too late
			l.reads("next", 22, 1)
			if !l.complete || len(l.services.refused) != 0 {
				t.Errorf("%s: all that is listed was read, and that is not complete", what)
			}
		})
	}
}
