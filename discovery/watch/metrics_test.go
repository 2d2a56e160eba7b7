package watch

import (
	"errors"
	"io"
	"testing"
	"time"

	"legate/discovery/consul"
	"legate/internal/metricstest"
	"legate/metrics"
)

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
		q.name, q.metrics = "services", m.Consul
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
			if got := metricstest.Sum(t, m, queries, outcome); got != want {
				t.Errorf("%s: %v questions are %s, want %v", c.name, got, outcome, want)
			}
			total += want
		}
		if got := metricstest.Sum(t, m, queries); got != total {
			t.Errorf("%s: %v questions in all, want %v", c.name, got, total)
		}
		total = 0
		for why, want := range c.why {
			if got := metricstest.Sum(t, m, rejected, why); got != want {
				t.Errorf("%s: %v answers are rejected for %s, want %v", c.name, got, why, want)
			}
			total += want
		}
		if got := metricstest.Sum(t, m, rejected); got != total {
			t.Errorf("%s: %v answers are rejected in all, want %v", c.name, got, total)
		}
		if got := metricstest.Sum(t, m, "legate_consul_index_resets_total"); got != c.resets {
			t.Errorf("%s: %v indexes were reset, want %v", c.name, got, c.resets)
		}
		if got := metricstest.Sum(t, m, "legate_consul_index", "services"); got != c.index {
			t.Errorf("%s: the index is %v, want %v", c.name, got, c.index)
		}
		if got := metricstest.Sum(t, m, "legate_consul_last_success_timestamp_seconds"); got != 1234 {
			t.Errorf("%s: the last success was at %v", c.name, got)
		}
	}
}
