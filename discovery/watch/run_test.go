package watch

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/consul"
)

// Run joins all that it started: whatever is asked does not go on after it.
func TestRunEndsAfterAllThatItStarted(t *testing.T) {
	for name, is := range map[string]func(question) bool{
		"the list":              isList,
		"the canary":            isCanary,
		"all checks":            isChecks,
		"a service":             func(q question) bool { return q.of("a") },
		"a service of the ring": func(q question) bool { return q.of("b") || q.of("c") || q.of("d") },
	} {
		synctest.Test(t, func(t *testing.T) {
			a := newAsking(t, func(cfg *Config, to *consul.Config) { withCanary(cfg, to); short(cfg, to) })
			a.Complete()
			var began time.Time
			a.start(func() {
				a.watching("a", "b", "c", "d")
				time.Sleep(restful)
				a.spoilWith(only(is, func(question) (*http.Response, error) { time.Sleep(time.Minute); return nil, nil })) // whether or not it is to end
				time.Sleep(20 * time.Second)
				began = time.Now()
			})
			if took := time.Since(began); took < 39*time.Second || took > 2*time.Minute {
				t.Errorf("%s is asked for, and Run ends %v later", name, took)
			}
			a.spoilWith(nil)
			a.take(func(question) bool { return true })
			time.Sleep(5 * time.Minute)
			if asked := a.take(func(question) bool { return true }); len(asked) > 0 {
				t.Errorf("after its end it asks %+v", asked)
			}
		})
	}
}
