package discovery

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
	"legate/internal/consultest"
)

// garbageFor answers questions about these services with a page.
func garbageFor(services ...string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		if slices.Contains(services, strings.TrimPrefix(r.URL.Path, healthPath)) {
			return consultest.Answer(200, 900, "<html>"), nil
		}
		return nil, nil
	}
}

func TestOneServiceThatCannotBeReadHoldsNobodyUp(t *testing.T) {
	fake := many(20, 1)
	fake.spoil = garbageFor("svc-007")
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(9 * time.Second)
		if _, n := r.now(); n != 0 {
			t.Fatal("something was handed out before it was waited for")
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if c, n := r.now(); n != 1 || len(c.Services) != 19 {
			t.Fatalf("%d services in %d Deltas", len(c.Services), n)
		}
		if p := r.Status().Problems; !slices.ContainsFunc(p, func(p catalog.Problem) bool { return p.Kind == "unread" && strings.Contains(p.Detail, "svc-007") }) {
			t.Errorf("problems: %+v", p)
		}
		fake.resume()
		until(t, 31*time.Second, func() bool { return r.size("svc-007") == 1 })
		if p := r.Status().Problems; len(p) > 0 {
			t.Errorf("problems: %+v", p)
		}
	})
}

func TestManyServicesThatCannotBeReadAreWaitedFor(t *testing.T) {
	fake := many(20, 1)
	fake.spoil = garbageFor("svc-001", "svc-002", "svc-003")
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Hour)
		if _, n := r.now(); n != 0 {
			t.Error("something was handed out")
		}
	})
}

func TestACatalogOfWhichNothingWasReadIsNeverComplete(t *testing.T) {
	for services := 1; services <= 2; services++ {
		fake := many(services, 1)
		fake.spoil = garbageFor("svc-000", "svc-001")
		inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
			time.Sleep(time.Hour)
			synctest.Wait()
			if c, n := r.now(); n != 0 || r.Status().Complete {
				t.Errorf("%d services: handed out %v in %d Deltas although none was ever read", services, names(c), n)
			}
			fake.resume()
			until(t, 31*time.Second, func() bool { return r.instances() == services })
		})
	}
}

func TestTheOnlyServiceThereIsIsWaitedFor(t *testing.T) {
	fake := many(1, 1)
	var began time.Time
	fake.spoil = func(r *http.Request) (*http.Response, error) {
		if strings.HasPrefix(r.URL.Path, healthPath) && time.Since(began) < 5*time.Second {
			return consultest.Answer(500, 1, "No cluster leader"), nil
		}
		return nil, nil
	}
	synctest.Test(t, func(t *testing.T) {
		fake.changed = make(chan struct{})
		began = time.Now()
		r := startOver(t, guardedConfig(), fake)
		until(t, time.Minute, func() bool { _, n := r.now(); return n > 0 })
		if c, n := r.now(); n != 1 || len(c.Services) != 1 {
			t.Errorf("the first of %d Deltas has %v, want the one service that there is", n, names(c))
		}
		must(t, r.end())
	})
}
