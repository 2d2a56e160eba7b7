package discovery

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// hang never answers.
func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestTheCanaryDoesNotWaitBehindFirstReads(t *testing.T) {
	fake := many(100, 1)
	fake.spoil = func(r *http.Request) (*http.Response, error) {
		if strings.HasPrefix(r.URL.Path, healthPath) {
			return hang(r)
		}
		return nil, nil
	}
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(14 * time.Second)
		fake.take()
		time.Sleep(4 * time.Second) // the first reads have all places, and go on waiting
		synctest.Wait()
		canary := 0
		for _, q := range fake.take() {
			if q.path == "/v1/catalog/services" && q.consistent {
				canary++
			}
		}
		if canary == 0 {
			t.Error("the list was not asked for: the canary waits behind the first reads")
		}
		if p := r.Status().Problems; slices.ContainsFunc(p, func(p Problem) bool { return p.Kind == string(unreachable) }) {
			t.Errorf("problems: %+v", p)
		}
	})
}

func TestAHangWhileEverythingIsReadIsCalledOne(t *testing.T) {
	fake := many(100, 1)
	var hung atomic.Bool
	fake.spoil = func(r *http.Request) (*http.Response, error) {
		if !hung.Load() && r.URL.Path == "/v1/catalog/services" {
			return nil, nil
		}
		return hang(r)
	}
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Second)
		hung.Store(true)
		until(t, 30*time.Second, func() bool { return !r.Status().Connected && len(r.Status().Problems) > 0 })
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, p := range r.Status().Problems {
			if p.Kind != string(late) {
				t.Errorf("a Consul that hangs is called %s: %s", p.Kind, p.Detail)
			}
		}
	})
}
