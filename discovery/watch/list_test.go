package watch

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/consul"
	"legate/internal/consultest"
)

// restful is how long after an answer a question waits for certain: the pause after it is over, and the
// wait is not.
const restful = 30 * time.Second

// The list is told when it is new, with the names whose tags are others; a list that is as before is not.
func TestTheListIsToldWhenItChanges(t *testing.T) {
	inTime(t, nil, func(t *testing.T, a *asking) {
		start := time.Now()
		first := told[Listed](a)
		if len(first) != 1 || len(first[0].Names) != 1 || len(first[0].Retagged) != 0 || first[0].Index == 0 || !first[0].At.Equal(start) {
			t.Fatalf("told %+v", first)
		}
		time.Sleep(restful)
		a.put(listPath, consul.Listing{"consul": {}, "web": {"a"}, "api": {"b"}, "db": {}})
		if got := told[Listed](a); len(got) != 1 || len(got[0].Names) != 4 || len(got[0].Retagged) != 0 {
			t.Errorf("after names came: %+v", got)
		}
		time.Sleep(restful)
		a.put(listPath, consul.Listing{"consul": {}, "web": {"a", "b"}, "api": {"b"}, "db": {"c"}})
		got := told[Listed](a)
		if len(got) != 1 || !got[0].At.Equal(time.Now()) || got[0].Index <= first[0].Index {
			t.Fatalf("after tags came: %+v", got)
		}
		if names := slices.Sorted(slices.Values(got[0].Retagged)); !slices.Equal(names, []string{"db", "web"}) {
			t.Errorf("the tags of %v are others, want db and web", names)
		}
		time.Sleep(restful)
		a.put(listPath, consul.Listing{"consul": {}, "web": {"b", "a"}, "api": {"b"}, "db": {"c"}})
		if got := told[Listed](a); len(got) != 0 {
			t.Errorf("the same in another order is told: %+v", got)
		}
		a.take(isList)
		time.Sleep(10 * time.Minute)
		asked := a.take(isList)
		if n := len(asked); n < 9 || n > 15 {
			t.Errorf("%d questions in 10 minutes in which nothing happened, want one a minute", n)
		}
		for _, q := range asked {
			if q.index == 0 || q.consistent {
				t.Errorf("asked %+v, want each to wait for what is newer", q)
			}
		}
	})
}

// A list that fails is asked for again until it is answered, then for the leader's word, and soon if it
// fails once more.
func TestAListThatFailsIsAskedForAgain(t *testing.T) {
	inTime(t, nil, func(t *testing.T, a *asking) {
		for n := range 3 {
			time.Sleep(time.Minute)
			a.spoilWith(lose)
			a.list("web", "other"[:n+1])
			told[Listed](a)
			a.take(isList)
			time.Sleep(10 * time.Minute)
			if !a.ListFails() || len(a.Status().Problems) != 1 || a.Status().Connected {
				t.Errorf("that it fails is not said: %+v", a.Status())
			}
			if tries := a.take(isList); len(tries) < 10 || len(tries) > 200 {
				t.Errorf("%d tries in 10 minutes", len(tries))
			}
			a.spoilWith(nil)
			time.Sleep(31 * time.Second)
			if got := told[Listed](a); len(got) != 1 {
				t.Errorf("after it was back: %+v", got)
			}
			if a.ListFails() || !a.Status().Connected {
				t.Errorf("that it is answered is not said: %+v", a.Status())
			}
			if asked := a.take(isList); !asked[len(asked)-2].consistent || asked[len(asked)-2].index != 0 {
				t.Errorf("asked %+v, want the leader's word first", asked)
			}
			a.listing.restart()
			time.Sleep(restful) // well, so that it fails for the first time again
			a.take(isList)
			a.spoilWith(lose)
			time.Sleep(time.Millisecond)
			a.spoilWith(nil)
			time.Sleep(a.cfg.BackoffMin)
			if len(a.take(isList)) == 0 {
				t.Errorf("it is not asked for within %v after a first failure", a.cfg.BackoffMin)
			}
		}
	})
}

// An odd first list is asked for again when it is believed if it is the same, not before.
func TestAnOddListIsAskedForAgainWhenItIsBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAsking(t, nil)
		a.putAt(1, listPath, consul.Listing{}) // a Consul that has not loaded its state
		a.start(func() {
			if len(told[Listed](a)) > 0 || len(a.take(isList)) != 1 {
				t.Error("it is believed, or asked for at once")
			}
			time.Sleep(a.apart - time.Millisecond)
			if n := len(a.take(isList)); n != 0 {
				t.Errorf("asked %d times before", n)
			}
			time.Sleep(time.Millisecond)
			if got := told[Listed](a); len(got) != 1 || len(a.take(isList)) == 0 {
				t.Errorf("and then told %+v", got)
			}
		})
	})
}

// What is to be read from the start is asked for at once, of the leader, and that is no failure.
func TestAllIsReadFromTheStart(t *testing.T) {
	inTime(t, nil, func(t *testing.T, a *asking) {
		web := a.watching("web")[0]
		a.Complete()
		time.Sleep(restful)
		a.take(isList)
		a.RestartAll("a test")
		if a.ListFails() || a.Fails(web) || len(a.Status().Problems) > 0 || a.Status().LastError != "" {
			t.Errorf("status: %+v", a.Status())
		}
		leaders := 0
		for _, q := range a.take(func(q question) bool { return true }) {
			if q.consistent && q.at.Equal(time.Now()) {
				leaders++
			}
		}
		if leaders != 2 {
			t.Errorf("%d questions to the leader, want the list and the service", leaders)
		}
		time.Sleep(time.Minute)
		if n := a.log.Count("level=WARN"); n != 1 || a.log.Count("services=1") != 1 {
			t.Errorf("the log does not say so once:\n%s", a.log)
		}
	})
}

// Where a token is meant to see a part, what Consul hides is said of the list and of services, as long as it does.
func TestWhatConsulHidesIsSaid(t *testing.T) {
	expected := func(cfg *Config, _ *consul.Config) { cfg.FilteredExpected = true }
	inTime(t, expected, func(t *testing.T, a *asking) {
		a.service("web", 2)
		web := a.watching("web")[0]
		a.Complete()
		synctest.Wait()
		if len(a.Standing()) > 0 {
			t.Errorf("nothing is hidden: %+v", a.Standing())
		}
		hides := func(q question) (*http.Response, error) {
			if q.index > 0 {
				return nil, nil
			}
			a.fake.mu.Lock()
			defer a.fake.mu.Unlock()
			resp := consultest.Answer(200, a.pages[q.path].index, a.pages[q.path].body)
			resp.Header.Set("X-Consul-Results-Filtered-By-Acls", "true")
			return resp, nil
		}
		for _, c := range []struct {
			is    func(question) bool
			again func()
		}{
			{isList, a.listing.restart},
			{isService, func() { a.RestartQuery(web) }},
		} {
			a.spoilWith(only(c.is, hides))
			c.again()
			time.Sleep(5 * time.Second)
			if p := a.Standing(); len(p) != 1 || p[0].Queries != 1 || !strings.Contains(p[0].Detail, "Consul hides") {
				t.Errorf("standing: %+v", p)
			}
			a.spoilWith(nil)
			c.again()
			time.Sleep(time.Minute)
			if p := a.Standing(); len(p) > 0 {
				t.Errorf("it hides nothing any more: %+v", p)
			}
		}
	})
}

// A list that changes all the time is asked for once a second, and one that costs Consul much less often: a tenth of
// the time.
func TestAListIsNotAskedForAllTheTime(t *testing.T) {
	for _, c := range []struct {
		takes       time.Duration
		least, most int // questions in a minute
	}{
		{0, 55, 61},
		{300 * time.Millisecond, 16, 20},
		{time.Second, 9, 11},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := newAsking(t, nil)
			a.spoilWith(only(isList, slowly(c.takes))) // before the first list, since the fastest one counts
			a.start(func() {
				time.Sleep(restful)
				a.take(isList)
				for n := range 600 {
					a.list(strconv.Itoa(n))
					time.Sleep(100 * time.Millisecond)
				}
				if n := len(a.take(isList)); n < c.least || n > c.most {
					t.Errorf("a list that takes %v was asked for %d times in a minute, want %d to %d", c.takes, n, c.least, c.most)
				}
				a.spoilWith(nil)
			})
		})
	}
}
