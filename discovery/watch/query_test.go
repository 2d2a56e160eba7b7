package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"legate/discovery/consul"
	"legate/metrics"
)

// script is a query whose answers are given.
type script struct {
	replies []consul.Reply
	values  []string
	errs    []error
	asked   []consul.Question
}

func (s *script) query() *query[string] {
	return &query[string]{
		name: "script",
		ask: func(_ context.Context, q consul.Question) (string, consul.Reply, error) {
			n := len(s.asked)
			s.asked = append(s.asked, q)
			if s.errs != nil && s.errs[n] != nil {
				return "", consul.Reply{Index: 1}, s.errs[n]
			}
			r := s.replies[n]
			r.Question = q
			return s.values[n], r, nil
		},
		equal: func(a, b string) bool { return a == b },
		weigh: func(s string) int { return len(s) },
		judge: judge,
	}
}

func TestTheIndexOfABlockingQuery(t *testing.T) {
	type step struct {
		index uint64
		value string
		err   error
	}
	for _, c := range []struct {
		name string
		step []step
		want []consul.Question
	}{
		{"starts consistently, then waits with the last index",
			[]step{{index: 5, value: "a"}, {index: 8, value: "ab"}, {index: 9, value: "abc"}},
			[]consul.Question{{Consistent: true}, {Index: 5}, {Index: 8}}},
		{"starts over when the index goes back",
			[]step{{index: 50, value: "a"}, {index: 20, value: "b"}, {index: 20, value: "b"}, {index: 21, value: "c"}},
			[]consul.Question{{Consistent: true}, {Index: 50}, {Consistent: true}, {Index: 20}}},
		{"starts over after an error, whose index is not believed",
			[]step{{index: 50, value: "a"}, {err: errors.New("x")}, {index: 51, value: "b"}, {index: 52, value: "c"}},
			[]consul.Question{{Consistent: true}, {Index: 50}, {Consistent: true}, {Index: 51}}},
	} {
		s := &script{}
		for _, st := range c.step {
			s.replies = append(s.replies, consul.Reply{Index: st.index})
			s.values = append(s.values, st.value)
			s.errs = append(s.errs, st.err)
		}
		q := s.query()
		for len(s.asked) < len(c.step) {
			_, _ = q.next(t.Context(), true)
		}
		for i, want := range c.want {
			if s.asked[i] != want {
				t.Errorf("%s: question %d is %+v, want %+v", c.name, i, s.asked[i], want)
			}
		}
	}
}

// Answers that make a question start over, again and again, are counted until one that waited is
// believed, or a loss turns out to be one: such a question is asked less often.
func TestDoubtsInARowAreCounted(t *testing.T) {
	s := &script{}
	for _, step := range []struct {
		index uint64
		value string
	}{
		{50, "ab"},             // believed
		{40, "ab"}, {40, "ab"}, // went back: one
		{30, "ab"}, {30, "ab"}, // and again: two
		{31, "a"}, {31, "ab"}, // lacks what the leader has: three
		{32, "a"}, {32, "a"}, // a loss, and the leader agrees
		{20, "a"}, {20, "a"}, // went back: one
		{21, "ab"}, // waited, and came
	} {
		s.replies, s.values = append(s.replies, consul.Reply{Index: step.index}), append(s.values, step.value)
	}
	q := s.query()
	for i, want := range []int{0, 1, 2, 3, 0, 1, 0} {
		if _, err := q.next(t.Context(), true); err != nil || q.doubts != want {
			t.Errorf("after answer %d: %d doubts in a row, want %d; %v", i, q.doubts, want, err)
		}
	}
}

// An answer whose witness fails is not believed, and the question starts over.
func TestAnAnswerWithoutItsWitnessIsNotBelieved(t *testing.T) {
	s := &script{replies: []consul.Reply{{Index: 5}, {Index: 6, DefaultDeny: true}, {Index: 6}}, values: []string{"ab", "", "ab"}}
	q := s.query()
	q.judge = func(_ previous, _ consul.Reply, is content, _ bool) (verdict, doubt) {
		if is.weight == 0 {
			return needsWitness, hidden
		}
		return believe, ""
	}
	no := errors.New("no witness")
	q.witness = func(context.Context) error { return no }
	_, _ = q.next(t.Context(), true)
	if _, err := q.next(t.Context(), true); !errors.Is(err, no) || !strings.Contains(err.Error(), hidden.String()) {
		t.Errorf("got %v", err)
	}
	if got, err := q.next(t.Context(), true); err != nil || got.value != "ab" || got.changed || s.asked[2] != (consul.Question{Consistent: true}) {
		t.Errorf("got %+v, %v, asked %+v", got, err, s.asked)
	}
	if !slices.Equal(s.asked, []consul.Question{{Consistent: true}, {Index: 5}, {Consistent: true}}) {
		t.Errorf("asked %v", fmt.Sprint(s.asked))
	}
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

func TestOneServerAloneTakesNothingAway(t *testing.T) {
	for _, lie := range []string{"", "a"} {
		t.Run(lie, func(t *testing.T) {
			s := &script{
				replies: []consul.Reply{{Index: 5}, {Index: 6}, {Index: 6}},
				values:  []string{"ab", lie, "ab"},
			}
			q := s.query()
			for range 2 {
				got, err := q.next(t.Context(), true)
				if err != nil || got.value != "ab" {
					t.Errorf("got %+v, %v", got, err)
				}
			}
			if len(s.asked) != 3 || !s.asked[2].Consistent {
				t.Errorf("asked %+v", s.asked)
			}
		})
	}
}
