package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"legate/discovery/consul"
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
			[]consul.Question{{Consistent: true}, {Index: 5}, {Index: 8, Wait: firstTrial}}},
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

// An odd answer with nothing before it is believed when it was given twice, long enough apart.
func TestAnOddFirstAnswerMustBeGivenTwice(t *testing.T) {
	s := &script{
		replies: []consul.Reply{{Index: 1, At: at(0)}, {Index: 1, At: at(9.9)}, {Index: 1, At: at(10)}, {Index: 1, At: at(20)}},
		values:  []string{"a", "a", "b", "b"},
	}
	q := s.query()
	q.apart = 10 * time.Second
	q.judge = func(previous, consul.Reply, content, bool) (verdict, doubt) { return believeTwice, indexOne }
	for n, until := range []time.Time{at(10), at(10), at(20)} {
		if _, err := q.next(t.Context(), true); !believedAt(err).Equal(until) || doubtOf(err) != indexOne {
			t.Errorf("answer %d: %v, want it believed at %v", n, err, until)
		}
	}
	if got, err := q.next(t.Context(), true); err != nil || got.value != "b" || got.doubt != "" {
		t.Errorf("got %+v, %v", got, err)
	}
	for n, how := range s.asked {
		if how != (consul.Question{Consistent: true}) {
			t.Errorf("question %d: %+v, want the leader asked from the start", n, how)
		}
	}
}

// With something to compare it with, an odd answer is believed at once; what it takes away is not.
func TestAnOddAnswerIsBelievedButForWhatItTakesAway(t *testing.T) {
	s := &script{replies: []consul.Reply{{Index: 5}, {Index: 5}, {Index: 6}}, values: []string{"ab", "a", ""}}
	q := s.query()
	verdicts := []verdict{believe, believeTwice, needsWitness}
	q.judge = func(previous, consul.Reply, content, bool) (verdict, doubt) {
		v := verdicts[len(s.asked)-1]
		return v, map[verdict]doubt{believeTwice: indexStuck, needsWitness: hidden}[v]
	}
	q.witness = func(context.Context) error { return nil }
	for n, want := range []answer[string]{{value: "ab"}, {value: "a", doubt: indexStuck}, {value: ""}} {
		if got, err := q.next(t.Context(), true); err != nil || got.value != want.value || got.doubt != want.doubt {
			t.Errorf("answer %d: %+v, %v, want %+v", n, got, err, want)
		}
	}
}

// After an answer that is rejected the question starts over.
func TestAQuestionStartsOverAfterARejection(t *testing.T) {
	s := &script{replies: []consul.Reply{{Index: 5}, {Index: 6}, {Index: 6}}, values: []string{"a", "b", "b"}}
	q := s.query()
	q.judge = func(previous, consul.Reply, content, bool) (verdict, doubt) {
		if len(s.asked) == 2 {
			return reject, filtered
		}
		return believe, ""
	}
	for range 3 {
		_, _ = q.next(t.Context(), true)
	}
	if !slices.Equal(s.asked, []consul.Question{{Consistent: true}, {Index: 5}, {Consistent: true}}) {
		t.Errorf("asked %+v", s.asked)
	}
}

// A blocking query that comes back at once with nothing new did not wait.
func TestWhetherConsulWaited(t *testing.T) {
	for _, c := range []struct {
		name  string
		block bool
		index uint64
		took  time.Duration
		idle  bool
	}{
		{"at once, with nothing new", true, 5, time.Second - 1, true},
		{"after a while", true, 5, time.Second, false},
		{"with something newer", true, 6, 0, false},
		{"nothing was to be waited for", false, 5, 0, false},
		{"nothing was to be waited for, and there is no index", false, 0, 0, false},
	} {
		s := &script{replies: []consul.Reply{{Index: 5}, {Index: c.index, Took: c.took}}, values: []string{"a", "a"}}
		q := s.query()
		q.judge = func(previous, consul.Reply, content, bool) (verdict, doubt) { return believe, "" }
		_, _ = q.next(t.Context(), true)
		if got, err := q.next(t.Context(), c.block); err != nil || got.idle != c.idle {
			t.Errorf("%s: idle %v, %v", c.name, got.idle, err)
		}
	}
}

// What counts in the last answer can change with the selection: it is weighed anew.
func TestTheLastAnswerIsWeighedAsTheNewOne(t *testing.T) {
	s := &script{replies: []consul.Reply{{Index: 5}, {Index: 6}}, values: []string{"ab", "abc"}}
	q := s.query()
	factor := 1
	q.weigh = func(v string) int { return factor * len(v) }
	var was []int
	q.judge = func(p previous, _ consul.Reply, _ content, _ bool) (verdict, doubt) {
		was = append(was, p.weight)
		return believe, ""
	}
	_, _ = q.next(t.Context(), true)
	factor = 10
	_, _ = q.next(t.Context(), true)
	if !slices.Equal(was, []int{0, 20}) {
		t.Errorf("the answers before weighed %v", was)
	}
}
