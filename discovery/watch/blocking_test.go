package watch

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/internal/consultest"
)

// sizes is how many instances a service had in each answer that was told since.
func (a *asking) sizes(s *Service) (all []int) {
	for _, e := range told[Answered](a) {
		if e.Service == s {
			all = append(all, len(e.Reading.Service.Instances))
		}
	}
	return all
}

// A service with a blocking query is told once, and then at each change, when it changes.
func TestAServiceIsToldWhenItChanges(t *testing.T) {
	inTime(t, nil, func(t *testing.T, a *asking) {
		a.service("web", 2)
		web := a.watching("web")[0]
		if got := a.sizes(web); fmt.Sprint(got) != "[2]" {
			t.Errorf("at first %v", got)
		}
		a.Complete()
		time.Sleep(time.Minute)
		a.put(healthPath+"web", entries("web", 2)) // as it is
		a.service("web", 3)
		if got := a.sizes(web); fmt.Sprint(got) != "[3]" {
			t.Errorf("after a change %v", got)
		}
		a.take(isService)
		time.Sleep(10 * time.Minute)
		asked := a.take(isService)
		if n := len(asked); n < 9 || n > 15 {
			t.Errorf("asked %d times in 10 minutes in which nothing happened, want once a minute", n)
		}
		for _, q := range asked {
			if q.index == 0 {
				t.Errorf("asked %+v, want each to wait for what is newer", q)
			}
		}
		if s := a.Status(); s.Direct != 1 || s.Swept != 0 || !s.Connected || time.Since(s.LastSuccess) > time.Minute {
			t.Errorf("status: %+v", s)
		}
	})
}

// A service that fails is named, asked for again until it is answered, and soon if it fails once more.
func TestAServiceThatFailsIsAskedForAgain(t *testing.T) {
	inTime(t, nil, func(t *testing.T, a *asking) {
		web := a.watching("web")[0]
		a.Complete()
		for n := range 3 {
			time.Sleep(time.Minute)
			a.spoilWith(only(aboutOf("web"), refuse(500)))
			a.service("web", n+1)
			a.sizes(web)
			a.take(isService)
			time.Sleep(10 * time.Minute)
			if p := a.Status().Problems; !a.Fails(web) || len(p) != 1 || p[0].Queries != 1 {
				t.Errorf("that it fails is not said: %+v", p)
			}
			if tries := len(a.take(isService)); tries < 10 || tries > 200 {
				t.Errorf("%d tries in 10 minutes", tries)
			}
			a.spoilWith(nil)
			time.Sleep(31 * time.Second)
			if got := a.sizes(web); len(got) != 1 || got[0] != n+1 || a.Fails(web) {
				t.Errorf("after it was back: told %v, fails %v", got, a.Fails(web))
			}
			time.Sleep(time.Minute) // well, so that it fails for the first time again
			a.take(isService)
			a.spoilWith(only(aboutOf("web"), refuse(500)))
			time.Sleep(time.Millisecond)
			a.spoilWith(nil)
			time.Sleep(a.cfg.BackoffMin)
			if len(a.take(isService)) == 0 {
				t.Errorf("it is not asked for within %v after a first failure", a.cfg.BackoffMin)
			}
		}
	})
}

// An odd first answer is asked for again when it is believed if it is the same, not before.
func TestAnOddAnswerIsAskedForAgainWhenItIsBelieved(t *testing.T) {
	inTime(t, nil, func(t *testing.T, a *asking) {
		a.putAt(1, healthPath+"web", []any{})
		web := a.watching("web")[0]
		time.Sleep(a.apart - time.Millisecond)
		if n := len(a.take(isService)); n != 1 || len(a.sizes(web)) > 0 {
			t.Errorf("asked %d times before, or believed", n)
		}
		time.Sleep(time.Millisecond)
		if got := told[Answered](a); len(got) != 1 || got[0].Doubt {
			t.Errorf("and then told %+v", got)
		}
	})
}

// The answer to a question that is odd, and takes something away, says so.
func TestAnOddAnswerThatTakesSomethingAwaySaysSo(t *testing.T) {
	inTime(t, nil, func(t *testing.T, a *asking) {
		a.service("web", 3)
		web := a.watching("web")[0]
		a.Complete()
		time.Sleep(time.Minute)
		told[Answered](a)
		a.putAt(a.index, healthPath+"web", entries("web", 1)) // less, at the same index
		a.RestartQuery(web)
		if got := told[Answered](a); len(got) != 1 || !got[0].Doubt {
			t.Errorf("told %+v, want an answer in doubt", got)
		}
	})
}

// The loop of a service ends when it is no longer watched, whatever it waits for.
func TestTheLoopOfAServiceThatIsGoneEnds(t *testing.T) {
	none := func(question) (*http.Response, error) { return nil, nil }
	for name, spoil := range map[string]spoiler{"for a change": none, "to try again": lose, "for an answer": hang} {
		inTime(t, nil, func(t *testing.T, a *asking) {
			a.Complete()
			a.spoilWith(only(aboutOf("web"), spoil))
			web := a.watching("web")[0]
			time.Sleep(time.Second)
			a.Unwatch(web, time.Now())
			a.take(isService)
			time.Sleep(10 * time.Minute)
			if n := len(a.take(isService)); n > 0 || len(a.Status().Problems) > 0 {
				t.Errorf("it waited %s: asked %d times after it was gone, problems %+v", name, n, a.Status().Problems)
			}
		})
	}
}

// A service that changes all the time is asked for at once some times, and then not more often than
// twenty times a second. What comes between is seen together.
func TestAServiceThatChangesAllTheTimeIsNotReadAllTheTime(t *testing.T) {
	inTime(t, nil, func(t *testing.T, a *asking) {
		a.service("web", 1)
		web := a.watching("web")[0]
		a.Complete()
		for range 2 { // after a rest once more
			time.Sleep(time.Minute)
			a.sizes(web)
			for n := range 1000 {
				a.service("web", 2+n%2)
				synctest.Wait()
				if n == 2 {
					if got := a.sizes(web); fmt.Sprint(got) != "[2 3 2]" {
						t.Errorf("the first changes: %v", got)
					}
				}
				time.Sleep(2 * time.Millisecond)
			}
			a.service("web", 7)
			time.Sleep(100 * time.Millisecond)
			got := a.sizes(web)
			if len(got) < 30 || len(got) > 45 || got[len(got)-1] != 7 {
				t.Errorf("1000 changes in 2 s were told as %d: %v", len(got), got)
			}
		}
	})
}

// withoutWaiting answers as what does not know that a question may wait.
func (a *asking) withoutWaiting(q question) (*http.Response, error) {
	a.fake.mu.Lock()
	defer a.fake.mu.Unlock()
	return consultest.Answer(200, a.pages[q.path].index, a.pages[q.path].body), nil
}

// backAndForth answers as what has the leader behind it now, and now a server that lags.
func (a *asking) backAndForth(q question) (*http.Response, error) {
	a.fake.mu.Lock()
	defer a.fake.mu.Unlock()
	index := q.index - 1
	if q.consistent {
		index = 1000
	}
	return consultest.Answer(200, index, a.pages[q.path].body), nil
}

// A Consul whose blocking queries come back at once, with nothing new, is asked every second in the mean,
// as one is that goes back and forth; where there are many services less often. When it waits again
// so do they.
func TestAConsulThatDoesNotWaitIsPolled(t *testing.T) {
	for _, c := range []struct {
		name        string
		services    int // that are watched, as far as it counts for the pace
		most        time.Duration
		spoil       func(*asking, question) (*http.Response, error)
		least, asks int // questions in ten minutes
	}{
		{"it does not wait", 1, time.Minute, (*asking).withoutWaiting, 400, 900},
		{"where there are many", 1000, time.Minute, (*asking).withoutWaiting, 40, 100},
		{"where no pause may be so long", 1000, 4 * time.Second, (*asking).withoutWaiting, 200, 450},
		{"it goes back and forth", 1, time.Minute, (*asking).backAndForth, 800, 1800}, // two at a time
	} {
		inTime(t, func(cfg *Config, _ *consul.Config) { cfg.BackoffMax = c.most }, func(t *testing.T, a *asking) {
			a.service("web", 1)
			web := a.watching("web")[0]
			a.Complete()
			for n := range 2 {
				time.Sleep(time.Minute)
				a.spoilWith(only(aboutOf("web"), func(q question) (*http.Response, error) { return c.spoil(a, q) }))
				a.watched.Store(int64(c.services))
				time.Sleep(2 * time.Minute)
				a.take(isService)
				time.Sleep(10 * time.Minute)
				if n := len(a.take(isService)); n < c.least || n > c.asks {
					t.Errorf("%s: asked %d times in 10 minutes, want %d to %d", c.name, n, c.least, c.asks)
				}
				a.spoilWith(nil)
				time.Sleep(2 * time.Minute)
				a.sizes(web)
				a.service("web", n+2)
				if got := a.sizes(web); fmt.Sprint(got) != fmt.Sprintf("[%d]", n+2) {
					t.Errorf("%s: when it waits again a change is told as %v at once", c.name, got)
				}
			}
		})
	}
}

// A first answer that comes back at once is followed by short pauses, however long they were before.
func TestAConsulThatWaitedBetweenIsPolledSoon(t *testing.T) {
	inTime(t, nil, func(t *testing.T, a *asking) {
		a.service("web", 1)
		a.watching("web")
		a.Complete()
		a.watched.Store(1000)
		soon := 0
		for range 20 {
			a.spoilWith(only(aboutOf("web"), a.withoutWaiting))
			time.Sleep(2 * time.Minute)
			a.spoilWith(nil)
			time.Sleep(2 * time.Minute)
			a.service("web", 1)
			time.Sleep(restful)
			a.take(isService)
			a.spoilWith(only(aboutOf("web"), a.withoutWaiting))
			time.Sleep(a.cfg.BackoffMin)
			if len(a.take(isService)) >= 2 { // one that finds out that there is no wait, and one after a pause
				soon++
			}
			a.spoilWith(nil)
			time.Sleep(time.Minute)
		}
		if soon < 20 {
			t.Errorf("%d of 20 times it was asked soon", soon)
		}
	})
}

// A service that is asked for by its loop and goes on in the poll ring is asked for by nobody else.
func TestAServiceWithoutAConnectionIsNotWaitedFor(t *testing.T) {
	inTime(t, func(_ *Config, to *consul.Config) { to.MaxConnections = minConnections }, func(t *testing.T, a *asking) {
		all := a.watching("a", "b")
		a.Complete()
		time.Sleep(time.Minute)
		if s := a.Status(); s.Direct != 1 || s.Swept != 1 || a.ring.size() != 1 {
			t.Errorf("status: %+v", s)
		}
		a.take(isService)
		time.Sleep(5 * time.Minute)
		for _, q := range a.take(isService) {
			if q.of("b") && q.index > 0 {
				t.Error("a query waits for a service without a connection")
			}
		}
		if a.ReadSoon(all[0]) || !a.ReadSoon(all[1]) {
			t.Error("want the one to be polled that has no query")
		}
		if all[1].Key != (catalog.ServiceKey{Datacenter: "dc1", Name: "b"}) {
			t.Errorf("key %+v", all[1].Key)
		}
	})
}

// An index that went back once is looked at again at once, and so is one that does so a second time. Then there is a pause.
func TestAnIndexThatGoesBackTwiceIsNotAskedForAtOnce(t *testing.T) {
	inTime(t, nil, func(t *testing.T, a *asking) {
		a.service("web", 1)
		a.watching("web")
		a.Complete()
		time.Sleep(restful)
		a.take(isService)
		a.spoilWith(only(aboutOf("web"), a.backAndForth))
		if n := len(a.take(isService)); n != 3 { // the leader, one that waits, and the leader once more
			t.Errorf("asked %d times at once, want 3", n)
		}
	})
}
