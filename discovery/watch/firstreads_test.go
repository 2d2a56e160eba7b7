package watch

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/consul"
)

// waits are the questions about services that wait for a change.
func waits(q question) bool { return isService(q) && q.index > 0 }

// No query waits for changes before all was read, and then a hundred do at once, and two thousand a
// second. One that comes later is not kept back.
func TestBlockingQueriesWaitForTheFirstReads(t *testing.T) {
	many := func(_ *Config, to *consul.Config) { to.MaxConnections = 1000 }
	inTime(t, many, func(t *testing.T, a *asking) {
		var names []string
		for n := range 200 {
			names = append(names, fmt.Sprint("web", n))
		}
		a.watching(names[:60]...)
		time.Sleep(openPatience - time.Second)
		if n := len(a.take(waits)); n > 0 {
			t.Errorf("%d queries wait before all was read", n)
		}
		a.watching(names[60:]...)
		time.Sleep(100 * time.Millisecond)
		a.take(waits)
		a.Complete()
		if n := len(a.take(waits)); n < openFirst || n > openFirst+2 {
			t.Errorf("%d queries were opened at once, want %d", n, openFirst)
		}
		time.Sleep(25 * time.Millisecond)
		if n := len(a.take(waits)); n < 40 || n > 55 {
			t.Errorf("%d queries were opened in the next 25 ms, want 50", n)
		}
		time.Sleep(time.Second)
		if n := len(a.take(waits)); n < 40 || n > 60 {
			t.Errorf("and then %d, want the rest", n)
		}
	})
}

// A service that cannot be read keeps the others' queries back for a while, not for ever.
func TestBlockingQueriesDoNotWaitForEver(t *testing.T) {
	inTime(t, nil, func(t *testing.T, a *asking) {
		a.watching("web")
		time.Sleep(openPatience - time.Millisecond)
		if n := len(a.take(waits)); n > 0 {
			t.Errorf("%d queries were opened before", n)
		}
		time.Sleep(time.Millisecond)
		if n := len(a.take(waits)); n != 1 {
			t.Errorf("%d queries were opened, want one", n)
		}
	})
}

// Queries to several sites wait for each other: until what was read of all is served, for a while.
func TestBlockingQueriesWaitUntilAllSitesAreServed(t *testing.T) {
	for _, served := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			a, start := newAsking(t, nil), NewStart()
			a.Join(start)
			a.Complete()
			a.start(func() {
				a.watching("web")
				time.Sleep(openPatience - time.Second)
				if n := len(a.take(waits)); n > 0 {
					t.Errorf("%d queries were opened before", n)
				}
				if served {
					start.Over()
				} else {
					time.Sleep(time.Second)
				}
				if n := len(a.take(waits)); n != 1 {
					t.Errorf("served %v: %d queries were opened, want one", served, n)
				}
			})
		})
	}
}
