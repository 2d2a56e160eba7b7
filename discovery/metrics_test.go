package discovery

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"legate/discovery/consul"
	"legate/metrics"
)

// sample is the value of a counter or gauge, summed up over all whose label is one of these, or all
// at all.
func sample(t *testing.T, m *metrics.Metrics, name string, labels ...string) (sum float64) {
	t.Helper()
	families, err := m.Gather()
	must(t, err)
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, one := range f.GetMetric() {
			wanted := len(labels) == 0
			for _, l := range one.GetLabel() {
				for _, label := range labels {
					wanted = wanted || l.GetValue() == label
				}
			}
			if wanted {
				sum += one.GetCounter().GetValue() + one.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// Each question is counted once, by what became of it, and each answer that is not believed by why.
func TestWhatBecomesOfAQuestionIsCounted(t *testing.T) {
	no := errors.New("refused")
	for _, c := range []struct {
		name    string
		replies []consul.Reply
		values  []string
		errs    []error
		want    map[string]float64 // by outcome
		why     map[string]float64 // rejected, by reason
		resets  float64
		index   float64
	}{
		{"it changes, and does not", []consul.Reply{{Index: 5}, {Index: 6}}, []string{"a", "a"}, nil,
			map[string]float64{"changed": 1, "unchanged": 1}, nil, 0, 6},
		{"it fails", []consul.Reply{{Index: 5}, {}}, []string{"a", ""}, []error{nil, no},
			map[string]float64{"changed": 1, "unreachable": 1}, nil, 0, 5},
		{"it is no answer", []consul.Reply{{Index: 5}, {}}, []string{"a", ""}, []error{nil, io.ErrUnexpectedEOF},
			map[string]float64{"changed": 1, "garbage": 1}, map[string]float64{"unreadable": 1}, 0, 5},
		{"an index went back", []consul.Reply{{Index: 5}, {Index: 4}, {Index: 6}}, []string{"a", "b", "a"}, nil,
			map[string]float64{"changed": 1, "doubtful": 1, "unchanged": 1}, map[string]float64{"index_back": 1}, 1, 6},
		{"less, and the leader agrees", []consul.Reply{{Index: 5}, {Index: 6}, {Index: 6}}, []string{"ab", "a", "a"}, nil,
			map[string]float64{"changed": 3}, nil, 0, 6},
		{"less, and the leader does not", []consul.Reply{{Index: 5}, {Index: 6}, {Index: 6}}, []string{"ab", "a", "ab"}, nil,
			map[string]float64{"changed": 2, "unchanged": 1}, map[string]float64{"contradicted": 1}, 0, 6},
		{"it is never believed", []consul.Reply{{Index: 5}, {Index: 6, Filtered: true}, {Index: 6, Filtered: true}}, []string{"ab", "a", "a"}, nil,
			map[string]float64{"changed": 1, "doubtful": 1, "filtered": 1}, map[string]float64{"filtered": 2}, 1, 5},
	} {
		m := metrics.New(metrics.BuildInfo{})
		s := &script{replies: c.replies, values: c.values, errs: c.errs}
		q := s.query()
		q.metrics = m.Consul
		at := time.Unix(1234, 0)
		for i := range s.replies {
			s.replies[i].At = at
		}
		for len(s.asked) < len(c.replies) {
			_, _ = q.next(t.Context(), true)
		}
		const queries, rejected = "legate_consul_queries_total", "legate_consul_answers_rejected_total"
		total := 0.0
		for outcome, want := range c.want {
			if got := sample(t, m, queries, outcome); got != want {
				t.Errorf("%s: %v questions are %s, want %v", c.name, got, outcome, want)
			}
			total += want
		}
		if got := sample(t, m, queries); got != total {
			t.Errorf("%s: %v questions in all, want %v", c.name, got, total)
		}
		total = 0
		for why, want := range c.why {
			if got := sample(t, m, rejected, why); got != want {
				t.Errorf("%s: %v answers are rejected for %s, want %v", c.name, got, why, want)
			}
			total += want
		}
		if got := sample(t, m, rejected); got != total {
			t.Errorf("%s: %v answers are rejected in all, want %v", c.name, got, total)
		}
		if got := sample(t, m, "legate_consul_index_resets_total"); got != c.resets {
			t.Errorf("%s: %v indexes were reset, want %v", c.name, got, c.resets)
		}
		if got := sample(t, m, "legate_consul_index", "script"); got != c.index {
			t.Errorf("%s: the index is %v, want %v", c.name, got, c.index)
		}
		if got := sample(t, m, "legate_consul_last_success_timestamp_seconds"); got != 1234 {
			t.Errorf("%s: the last success was at %v", c.name, got)
		}
	}
}

// What a watch does shows in its metrics.
func TestAWatchIsCounted(t *testing.T) {
	cfg, fake := manyOverFew()
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		is := func(what, name string, low, high float64, labels ...string) {
			t.Helper()
			if got := sample(t, r.metrics, name, labels...); got < low || got > high {
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

		changed := sample(t, r.metrics, "legate_consul_queries_total", "changed")
		fake.between(name(152), 0, 2, "warning")
		time.Sleep(2 * time.Second)
		is("signals are questions, too", "legate_consul_queries_total", changed+2, changed+2, "changed")

		same := sample(t, r.metrics, "legate_consul_rereads_total", "same")
		time.Sleep(cfg.Guard.Reread)
		is("a round", "legate_consul_rereads_total", same+198, same+202, "same")
		is("a round", "legate_consul_rereads_total", 0, 0, "different")

		denied := sample(t, r.metrics, "legate_consul_queries_total", "denied")
		fake.spoilWith(func(req *http.Request) (*http.Response, error) {
			if strings.HasPrefix(req.URL.Path, "/v1/health/state") {
				return respond(403, 0, "no signals"), nil
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
		if got := sample(t, r.metrics, "legate_consul_index_resets_total"); got != 1 {
			t.Errorf("an index that went back is counted %v times, want once, by the canary", got)
		}
	})
}
