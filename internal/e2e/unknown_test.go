package e2e_test

import (
	"testing"
	"time"

	"legate/internal/parts"
)

// A service that an Envoy names and Consul does not have gets an empty assignment. Without an
// answer Envoy would wait for 15 seconds before it opens its listeners.
func TestEnvoyStartsAtOnceWithAServiceThatConsulLacks(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	s.register(t, "shop", "shop-1", 1)
	s.legate = startLegate(t, s.consul)
	for _, w := range []way{staticDelta, staticSotW, edsDelta, edsSotW, edsREST} {
		began := time.Now()
		e := startEnvoy(t, s.legate, w, "shop", "later")
		// Envoy's initial_fetch_timeout is 15 s; a start without that wait takes less than one.
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s: ready after %v: it waited for an answer", w.name, took)
		}
		s.envoys = append(s.envoys, e)
	}
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1") })
	s.everywhere(t, func(e *envoy) error { return e.refuses("later") })

	s.register(t, "later", "later-1", 1)
	s.everywhere(t, func(e *envoy) error { return e.answers("later", "later-1") })
	s.deregister(t, "later-1")
	s.everywhere(t, func(e *envoy) error { return e.refuses("later") })
	s.register(t, "later", "later-1", 1)
	s.everywhere(t, func(e *envoy) error { return e.answers("later", "later-1") })
}
