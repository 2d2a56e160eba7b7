package e2e_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"
)

// circuitBreaker: one request is under way, one waits, and the others are refused at once, not queued. Without
// the group, none is refused.
func circuitBreaker() policyStory {
	const more = 4
	var held held
	return policyStory{
		name:     "circuit breaker",
		services: []string{"narrow"},
		rules: fixed(`
- match: {names: [narrow]}
  circuit_breakers: {max_connections: 1, max_pending_requests: 1, track_remaining: true}
`),
		register: func(t *testing.T, s *stage) {
			held = newHeld(t)
			s.registerServer(t, "narrow", "narrow-1", held.answer("narrow-1"), nil)
		},
		show: func(t *testing.T, s *stage) {
			e, ended := s.envoys[0], make(chan error, 1+more)
			ask := func() {
				_, err := e.askWith("narrow", "x-user", "any")
				ended <- err
			}
			go ask()
			held.await(t, 1)
			for range more {
				go ask()
			}
			for range more - 1 {
				var status statusError
				if err := <-ended; !errors.As(err, &status) || status.code != http.StatusServiceUnavailable {
					t.Fatalf("a request beyond the limits: %v, want 503", err)
				}
			}
			if n := e.stat(t, "cluster.narrow.upstream_rq_pending_overflow"); n != more-1 {
				t.Errorf("upstream_rq_pending_overflow is %d, want %d", n, more-1)
			}
			if n := e.stat(t, "cluster.narrow.circuit_breakers.default.remaining_pending"); n != 0 {
				t.Errorf("remaining_pending is %d", n)
			}
			held.release()
			for range 2 {
				if err := <-ended; err != nil {
					t.Errorf("a request within the limits: %v", err)
				}
			}
		},
	}
}

// outlierEjection: an instance that answers 500 gets no traffic, though Consul says that it passes. Without
// the group, a third of the requests fails.
func outlierEjection() policyStory {
	return policyStory{
		name:     "outlier detection",
		services: []string{"flaky"},
		rules: fixed(`
- match: {names: [flaky]}
  outlier_detection: {consecutive_5xx: 3, interval: 50ms, base_ejection_time: 5m, max_ejection_percent: 50}
`),
		register: func(t *testing.T, s *stage) {
			s.registerSome(t, "flaky", 2)
			s.registerServer(t, "flaky", "flaky-3", func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, "flaky-3", http.StatusInternalServerError)
			}, nil)
		},
		show: func(t *testing.T, s *stage) {
			e := s.envoys[0]
			eventually(t, func() error { return e.answers("flaky", "flaky-1", "flaky-2") })
			if err := e.reaches(t, "cluster.flaky.outlier_detection.ejections_active", 1); err != nil {
				t.Error(err)
			}
			all, err := e.endpoints("flaky")
			if err != nil {
				t.Fatal(err)
			}
			for addr, endpoint := range all {
				if endpoint.Health != "HEALTHY" {
					t.Errorf("%s is %s by EDS: this shows nothing", addr, endpoint.Health)
				}
			}
			s.isNoDifference(t, e, "flaky", "it is ejected as an outlier")
		},
	}
}

// activeChecks: an endpoint that fails Envoy's own check gets no traffic, though Consul says that it passes. One
// that Consul removed is gone at once, though Envoy's check passes. Without health_checks, the sick one
// answers; with ignore_health_on_host_removal: false, what Consul removed stays.
func activeChecks() policyStory {
	const checks = `health_checks: [{type: http, path: /healthz, timeout: 10s, interval: 100ms, no_traffic_interval: 100ms, unhealthy_threshold: 1, healthy_threshold: 1}]`
	return policyStory{
		name:     "Envoy's health checks, and a deregistration",
		services: []string{"checked", "clung"},
		rules: fixed(`
- match: {names: [checked, clung]}
  ` + checks + `
- match: {names: [clung]}
  ignore_health_on_host_removal: false
`),
		register: func(t *testing.T, s *stage) {
			s.registerSome(t, "checked", 6)
			s.registerSome(t, "clung", 3)
			s.registerServer(t, "checked", "checked-sick", func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/healthz" {
					w.WriteHeader(http.StatusInternalServerError)
				}
				fmt.Fprint(w, "checked-sick")
			}, nil)
		},
		show: func(t *testing.T, s *stage) {
			e, left := s.envoys[0], []string{"checked-1", "checked-2", "checked-3", "checked-4", "checked-5", "checked-6"}
			eventually(t, func() error { return e.answers("checked", left...) })
			s.isNoDifference(t, e, "checked", "it fails its active health check")

			updates := e.stat(t, "cluster.clung.update_success")
			s.deregister(t, "clung-1")
			eventually(t, func() error { return e.reaches(t, "cluster.clung.update_success", updates+1) })
			if all, err := e.endpoints("clung"); err != nil || len(all) != 3 {
				t.Errorf("the endpoint that Envoy may keep: %v, %v", all, err)
			}

			// The machine may be busy, so the fastest of three counts.
			var took []time.Duration
			for range 3 {
				instance := left[0]
				left = left[1:]
				began := time.Now()
				s.deregister(t, instance)
				eventually(t, func() error {
					all, err := e.endpoints("checked")
					if _, still := all[s.running(instance).Addr]; err == nil && still {
						err = fmt.Errorf("%s is still an endpoint", instance)
					}
					return err
				})
				took = append(took, time.Since(began))
				if took[len(took)-1] <= time.Second {
					break
				}
			}
			t.Logf("endpoints whose check passes were gone %v after their deregistration", took)
			if slices.Min(took) > time.Second {
				t.Errorf("none was gone within 1s")
			}
			if err := e.answers("checked", left...); err != nil {
				t.Error(err)
			}
		},
	}
}

// held are requests that wait in a server until they are released.
type held struct {
	came chan struct{}
	gate chan struct{}
}

func newHeld(t *testing.T) held {
	h := held{came: make(chan struct{}, 1000), gate: make(chan struct{})}
	t.Cleanup(func() {
		select {
		case <-h.gate:
		default: // the story failed
			h.release()
		}
	})
	return h
}

func (h held) release() { close(h.gate) }

func (h held) answer(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h.came <- struct{}{}
		<-h.gate
		fmt.Fprint(w, text)
	}
}

// await waits until so many requests more have come.
func (h held) await(t *testing.T, n int) {
	t.Helper()
	for range n {
		select {
		case <-h.came:
		case <-time.After(patience):
			t.Fatal("the request does not come")
		}
	}
}
