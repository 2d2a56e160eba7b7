package discovery

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"legate/internal/consultest"
	"legate/internal/metricstest"
)

// What a watch does shows in its metrics.
func TestAWatchIsCounted(t *testing.T) {
	cfg, fake := manyOverFew()
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		is := func(what, name string, low, high float64, labels ...string) {
			t.Helper()
			if got := metricstest.Sum(t, r.metrics, name, labels...); got < low || got > high {
				t.Errorf("%s: %s of %v is %v, want from %v to %v", what, name, labels, got, low, high)
			}
		}
		time.Sleep(70 * time.Second)
		is("watched", "legate_consul_watches", 100, 100, "direct")
		is("watched", "legate_consul_watches", 100, 100, "swept")
		is("watched", "legate_consul_connections_limit", float64(cfg.Consul.MaxConnections), float64(cfg.Consul.MaxConnections))
		is("read", "legate_catalog_services", 200, 200)
		is("read", "legate_catalog_instances", 400, 400, "passing")
		is("calm", "legate_consul_signals_total", 0, 0)
		fake.between(name(150), 0, 2, "critical")
		fake.between(name(151), 0, 3, "passing")
		fake.between(name(0), 0, 3, "passing") // has a query of its own
		time.Sleep(2 * time.Second)
		is("signals", "legate_consul_signals_total", 2, 2)
		is("read", "legate_catalog_instances", 2, 2, "critical")
		is("read", "legate_catalog_instances", 400, 400, "passing")

		changed := metricstest.Sum(t, r.metrics, "legate_consul_queries_total", "changed")
		fake.between(name(152), 0, 2, "warning")
		time.Sleep(2 * time.Second)
		is("signals are questions, too", "legate_consul_queries_total", changed+2, changed+2, "changed")

		same := metricstest.Sum(t, r.metrics, "legate_consul_rereads_total", "same")
		time.Sleep(cfg.Guard.Reread)
		is("a round", "legate_consul_rereads_total", same+198, same+202, "same")
		is("a round", "legate_consul_rereads_total", 0, 0, "different")

		denied := metricstest.Sum(t, r.metrics, "legate_consul_queries_total", "denied")
		fake.spoilWith(func(req *http.Request) (*http.Response, error) {
			if strings.HasPrefix(req.URL.Path, "/v1/health/state") {
				return consultest.Answer(403, 0, "no signals"), nil
			}
			return nil, nil
		})
		time.Sleep(2 * time.Minute)
		is("signals that are refused", "legate_consul_queries_total", denied+1, denied+100, "denied")
	})
	fake = many(3, 2)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(70 * time.Second)
		fake.restore(3)
		time.Sleep(10 * time.Second)
		if got := metricstest.Sum(t, r.metrics, "legate_consul_index_resets_total"); got != 1 {
			t.Errorf("an index that went back is counted %v times, want once, by the canary", got)
		}
	})
}
