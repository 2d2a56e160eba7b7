package watch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/internal/metricstest"
)

// How many blocking queries there may be follows from what connections take.
func TestThePlacesForBlockingQueries(t *testing.T) {
	if w := queriesOver(t, 20); w.slots() != 20-1-len(DefaultConfig().Kinds())-reserve || w.shortRemedy() == "" {
		t.Errorf("%d places", w.slots())
	}
}

func TestBlockingQueriesStayWhereTheyAre(t *testing.T) {
	has := map[string]bool{"c": true, "e": true}
	got := choose([]string{"a", "b", "c", "d", "e"}, func(n string) bool { return has[n] }, 3)
	if len(got) != 3 || !got["a"] || !got["c"] || !got["e"] {
		t.Errorf("chosen %v, want a, c and e", got)
	}
	got = choose([]string{"a", "b", "c", "d", "e"}, func(n string) bool { return has[n] }, 1)
	if len(got) != 1 || !got["c"] {
		t.Errorf("chosen %v, want c", got)
	}
}

// With fewer connections than services some have a query and the others are polled. Whoever comes or goes, queries
// stay where they are, those that are free go on, and each service is read by one loop. The log says once that
// connections are short, and again only after they were not.
func TestWhoHasAQueryWhileServicesComeAndGo(t *testing.T) {
	three := func(_ *Config, to *consul.Config) { to.MaxConnections = minConnections + 2 }
	inTime(t, three, func(t *testing.T, a *asking) {
		is := func(when string, direct, swept, warned int, want string) {
			t.Helper()
			time.Sleep(restful)
			a.take(isService)
			time.Sleep(2 * time.Minute)
			waits := map[string]int{}
			for _, q := range a.take(isService) {
				if q.index > 0 {
					waits[q.path[len(healthPath):]]++
				}
			}
			var names []string
			for name, n := range waits {
				names = append(names, name)
				if n > 3 {
					t.Errorf("%s: %s is waited for %d times in two minutes: by more than one loop", when, name, n)
				}
			}
			slices.Sort(names)
			if fmt.Sprint(names) != want {
				t.Errorf("%s: %v are waited for, want %s", when, names, want)
			}
			if s := a.Status(); s.Direct != direct || s.Swept != swept {
				t.Errorf("%s: status %+v", when, s)
			}
			const watches = "legate_consul_watches"
			if d, s := metricstest.Sum(t, a.metrics, watches, "direct"), metricstest.Sum(t, a.metrics, watches, "swept"); d != float64(direct) || s != float64(swept) {
				t.Errorf("%s: %v and %v are counted", when, d, s)
			}
			lines := a.log.Lines("more services than connections")
			if n := len(lines); n != warned {
				t.Errorf("%s: the log says %d times that connections are short, want %d", when, n, warned)
			} else if counts := "services=5 swept=2 max_connections=11"; warned == 1 && !strings.Contains(lines[0], counts) {
				t.Errorf("%s: the log says %s, want %s", when, lines[0], counts)
			}
		}
		a.Complete()
		is("nobody", 0, 0, 0, "[]")
		all := a.watching("d", "e", "f")
		is("as many as there may be", 3, 0, 0, "[d e f]")
		a.Schedule()
		is("nothing has changed", 3, 0, 0, "[d e f]")
		more := a.watching("a", "g")
		is("more have come", 3, 2, 1, "[d e f]")
		a.watching("h")
		is("one more has come", 3, 3, 1, "[d e f]")
		a.Unwatch(all[0], time.Now())
		is("one has gone, and nobody knows yet", 3, 3, 1, "[e f]")
		a.Schedule()
		is("one has gone", 3, 2, 1, "[a e f]")
		for _, s := range []*Service{more[0], more[1]} {
			a.Unwatch(s, time.Now())
		}
		a.Schedule()
		is("enough for all", 3, 0, 1, "[e f h]")
		a.watching("i")
		is("and not", 3, 1, 2, "[e f h]")
	})
}

// Where there are fewer connections than before, services lose their queries and are polled; they have them back when
// there are more.
func TestQueriesAreTakenBackWhereConnectionsAreFewer(t *testing.T) {
	inTime(t, nil, func(t *testing.T, a *asking) {
		for _, name := range []string{"a", "b", "c"} {
			a.service(name, 1)
		}
		all := a.watching("a", "b", "c")
		a.Complete()
		for _, slots := range []int{3, 1, 2, 0, 3} {
			a.schedule(slots)
			for n, s := range all {
				a.service(s.Key.Name, n+slots) // who waited for a change has one
			}
			time.Sleep(restful)
			a.take(isService)
			time.Sleep(time.Minute)
			waited := map[string]bool{}
			for _, q := range a.take(isService) {
				waited[q.path[len(healthPath):]] = q.index > 0
			}
			for n, s := range all {
				if want := n < slots; waited[s.Key.Name] != want || (s.place != nil) != want || a.ReadSoon(s) == want {
					t.Errorf("with %d queries: %s is waited for %v, may lose its query %v", slots, s.Key.Name, waited[s.Key.Name], s.place != nil)
				}
			}
			if st := a.Status(); st.Direct != slots || st.Swept != 3-slots {
				t.Errorf("with %d queries: status %+v", slots, st)
			}
		}
	})
}

// A name that comes or goes costs its own site one look at who has a query, and the others none, unless they get less
// room for that.
func TestANewNameCostsItsOwnSiteOnly(t *testing.T) {
	own := queriesOver(t, 25_000)
	client, err := own.client.At(catalog.Site{Datacenter: "dc2"})
	if err != nil {
		t.Fatal(err)
	}
	other := New(DefaultConfig(), client, own.apart, own.held, own.log, nil)
	ended, end := context.WithCancel(t.Context())
	end() // nothing is asked
	name := func(q *Queries, n int) {
		q.Watch(ended, catalog.ServiceKey{Datacenter: "dc2", Name: fmt.Sprint("svc-", n)})
	}
	due := func(q *Queries) bool { return q.dirty || q.client.CapacityChanges() != q.capacity }
	for n := range 1000 {
		name(own, n)
	}
	own.Schedule()
	other.Schedule()
	own.Schedule()
	looks := map[*Queries]int{}
	for n := range 100 {
		name(other, n)
		for range 3 {
			for _, q := range []*Queries{own, other} {
				if due(q) {
					looks[q]++
				}
				q.Schedule()
			}
		}
	}
	if looks[own] != 0 || looks[other] != 100 {
		t.Errorf("100 names that come elsewhere cost the own site %d looks and theirs %d, want 0 and 100", looks[own], looks[other])
	}
	for _, q := range []*Queries{own, other} {
		q.loops.Wait()
	}
}
