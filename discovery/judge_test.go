package discovery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/discovery/catalog"
	"legate/discovery/consul"
)

func TestWhichAnswersAreBelieved(t *testing.T) {
	const consistent, plain = true, false
	type given struct {
		consul.Reply
		expected bool // that policies hide a part
	}
	answer := func(index uint64, consistent bool) given {
		return given{Reply: consul.Reply{Index: index, Question: consul.Question{Consistent: consistent}}}
	}
	filtered := func(g given) given { g.Filtered, g.expected = true, true; return g }
	unexpected := func(g given) given { g.Filtered = true; return g }
	deny := func(g given) given { g.DefaultDeny = true; return g }
	known := seen{index: 50, weight: 4}

	for _, c := range []struct {
		name string
		was  seen
		r    given
		is   sight
		want verdict
	}{
		{"the first answer", seen{}, answer(7, consistent), sight{4, true}, believe},
		{"the first answer is empty", seen{}, answer(7, consistent), sight{0, true}, believe},
		{"the first answer is empty and from before Consul has loaded its state", seen{}, answer(1, consistent), sight{0, true}, twice},
		{"a newer answer", known, answer(51, plain), sight{5, true}, believe},
		{"nothing new", known, answer(50, plain), sight{4, false}, believe},
		{"no index", known, answer(0, plain), sight{4, false}, again},
		{"no index, consistently", known, answer(0, consistent), sight{4, false}, reject},
		{"index 1 after a higher one", known, answer(1, plain), sight{4, false}, again},
		{"index 1 after a higher one, consistently", known, answer(1, consistent), sight{4, false}, twice},
		{"an index that went back", known, answer(49, plain), sight{4, false}, again},
		{"less, with an index that went back, consistently: another state", known, answer(20, consistent), sight{2, true}, twice},
		{"an index that went back, consistently, with as much", known, answer(20, consistent), sight{4, true}, believe},
		{"other content with the same index", known, answer(50, plain), sight{3, true}, again},
		{"fewer, newer", known, answer(51, plain), sight{3, true}, verify},
		{"fewer, newer, consistently", known, answer(51, consistent), sight{3, true}, believe},
		{"none, newer", known, answer(51, plain), sight{0, true}, verify},
		{"none, consistently", known, answer(51, consistent), sight{0, true}, believe},
		{"none, where policies hide", known, deny(answer(51, consistent)), sight{0, true}, witness},
		{"none from the start, where policies hide", seen{}, deny(answer(51, consistent)), sight{0, true}, witness},
		{"none still, where policies hide", seen{index: 50}, deny(answer(51, plain)), sight{0, false}, believe},
		{"fewer with the same index, consistently: one that is registered under another name", known, answer(50, consistent), sight{3, true}, twice},
		{"more with the same index, consistently: a token that may see more", known, answer(50, consistent), sight{5, true}, believe},
		{"policies hide a part from the start, and nobody said so", seen{}, unexpected(answer(7, consistent)), sight{4, true}, reject},
		{"policies begin to hide, and nobody said so", known, unexpected(answer(51, plain)), sight{4, false}, again},
		{"fewer, and policies begin to hide", known, filtered(answer(51, plain)), sight{3, true}, again},
		{"fewer, and policies begin to hide, consistently", known, filtered(answer(51, consistent)), sight{3, true}, twice},
		{"fewer, and policies begin to hide, consistently, and nobody said so", known, unexpected(answer(51, consistent)), sight{3, true}, reject},
		{"none, where policies hide, as was said", known, filtered(deny(answer(51, consistent))), sight{0, true}, twice},
		{"none from the start, where policies hide, as was said", seen{}, filtered(deny(answer(51, consistent))), sight{0, true}, twice},
		{"none from the start, and policies hide, as was said", seen{}, filtered(answer(51, consistent)), sight{0, true}, twice},
		{"none still, and policies hide, as was said", seen{index: 50, filtered: true}, filtered(answer(51, consistent)), sight{0, false}, believe},
		{"fewer, and policies hid before", seen{index: 50, weight: 4, filtered: true}, filtered(answer(51, plain)), sight{3, true}, verify},
		{"fewer, and policies hid before, consistently", seen{index: 50, weight: 4, filtered: true}, filtered(answer(51, consistent)), sight{3, true}, believe},
	} {
		got, why := judge(c.was, c.r.Reply, c.is, c.r.expected)
		if got != c.want {
			t.Errorf("%s: verdict %d (%s), want %d", c.name, got, why, c.want)
		}
		if (why == "") != (got == believe || got == verify) {
			t.Errorf("%s: verdict %d with the reason %q", c.name, got, why)
		}
	}
}

func TestAnEmptyListThatPoliciesMayHaveEmptiedHasNoWitness(t *testing.T) {
	r := consul.Reply{Index: 7, DefaultDeny: true, Question: consul.Question{Consistent: true}}
	if v, _ := judgeList(seen{}, r, sight{0, true}, false); v != reject {
		t.Errorf("verdict %d", v)
	}
	was, newer := seen{index: 6, weight: 3}, consul.Reply{Index: 7}
	if v, _ := judgeList(was, newer, sight{2, true}, false); v != believe {
		t.Errorf("a shorter list, which takes nothing away by itself: verdict %d", v)
	}
	if v, _ := judgeList(was, newer, sight{0, true}, false); v != verify {
		t.Errorf("an empty list is believed on the word of one server: verdict %d", v)
	}
}

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

func TestNothingIsTakenAwayOnTheWordOfOneServer(t *testing.T) {
	for _, lie := range []string{"", "a"} {
		nothingIsTakenAway(t, lie)
	}
	fake := many(20, 10)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.spoilWith(func(req *http.Request) (*http.Response, error) {
			if !strings.HasPrefix(req.URL.Path, healthPath) || req.URL.Query().Has("consistent") {
				return nil, nil
			}
			return respond(200, 900, `[{"Node":{"Node":"n","Address":"10.0.0.1"},"Service":{"ID":"a0","Service":"`+strings.TrimPrefix(req.URL.Path, healthPath)+`","Port":80}}]`), nil
		})
		time.Sleep(time.Minute)
		if _, n := r.now(); n != 1 || r.instances() != 200 {
			t.Errorf("%d instances of 200 are left, after %d Deltas", r.instances(), n)
		}
	})
}

func nothingIsTakenAway(t *testing.T, lie string) {
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
}

func TestWhereNothingIsAllowedUnlessSaidAServiceCanStillGo(t *testing.T) {
	fake := newFakeConsul("a", "b")
	inTime(t, fakeConfig(), fake, func(t *testing.T, r *reader) {
		fake.spoilWith(func(req *http.Request) (*http.Response, error) {
			if req.URL.Query().Has("index") {
				return nil, nil
			}
			return fake.withHeader(req.URL.Path, "X-Consul-Default-Acl-Policy", "deny"), nil
		})
		fake.set("a", -1)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if c, _ := r.now(); len(c) != 1 {
			t.Errorf("still there: %v, status %+v", names(c), r.Status())
		}
	})
}

func TestGarbageChangesNothing(t *testing.T) {
	for name, spoiled := range map[string]func() (*http.Response, error){
		"a page":          func() (*http.Response, error) { return respond(200, 900, "<html>Sign in</html>"), nil },
		"null":            func() (*http.Response, error) { return respond(200, 900, "null"), nil },
		"nothing":         func() (*http.Response, error) { return respond(200, 900, ""), nil },
		"half":            func() (*http.Response, error) { return respond(200, 900, `[{"Node":`), nil },
		"another type":    func() (*http.Response, error) { return respond(200, 900, `"x"`), nil },
		"empty, no index": func() (*http.Response, error) { return respond(200, 0, "[]"), nil },
		"another datacenter's": func() (*http.Response, error) {
			return respond(200, 900, `[{"Node":{"Node":"n","Address":"10.9.9.9","Datacenter":"dc2"},"Service":{"ID":"a0","Service":"a","Port":80}}]`), nil
		},
		"a redirect": func() (*http.Response, error) { return respond(302, 900, ""), nil },
		"not found":  func() (*http.Response, error) { return respond(404, 900, "[]"), nil },
		"no leader":  func() (*http.Response, error) { return respond(500, 1, "No cluster leader"), nil },
		"denied":     func() (*http.Response, error) { return respond(403, 1, "Permission denied"), nil },
		"too many requests": func() (*http.Response, error) {
			return respond(429, 1, "Your IP is issuing too many concurrent connections"), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			fake := newFakeConsul("a", "b")
			inTime(t, fakeConfig(), fake, func(t *testing.T, r *reader) {
				fake.spoilWith(func(*http.Request) (*http.Response, error) { return spoiled() })
				fake.take()
				fake.set("a", 2)
				fake.set("b", -1)
				time.Sleep(5 * time.Minute)
				synctest.Wait()
				if c, n := r.now(); n != 1 || len(c) != 2 {
					t.Errorf("%d Deltas, catalog %v", n, names(c))
				}
				if n := len(fake.take()); n > 3*60 {
					t.Errorf("asked %d times in 5 minutes", n)
				}
				if p := r.Status().Problems; len(p) == 0 || p[0].Remedy == "" {
					t.Errorf("problems: %+v", p)
				}
				if n := r.log.count("level=WARN"); n > 2 {
					t.Errorf("%d warnings", n)
				}
				fake.resume()
				time.Sleep(time.Minute)
				synctest.Wait()
				if c, _ := r.now(); len(c) != 1 || !r.has("a", catalog.Passing, catalog.Passing)(c) {
					t.Errorf("afterwards: %v", names(c))
				}
			})
		})
	}
}

func TestAConsulThatDoesNotWaitIsNotAskedWithoutEnd(t *testing.T) {
	fake := newFakeConsul("a")
	inTime(t, fakeConfig(), fake, func(t *testing.T, r *reader) {
		fake.spoilWith(func(req *http.Request) (*http.Response, error) {
			if strings.HasPrefix(req.URL.Path, healthPath) {
				return respond(200, 12, `[{"Node":{"Node":"n","Address":"10.0.0.1"},"Service":{"ID":"a0","Service":"a","Port":80}}]`), nil
			}
			return nil, nil
		})
		fake.take()
		time.Sleep(10 * time.Minute)
		if n := len(fake.take()); n < 200 || n > 900 {
			t.Errorf("asked %d times in 10 minutes: neither in time nor in a hurry", n)
		}
	})
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
	q.judge = func(_ seen, _ consul.Reply, is sight, _ bool) (verdict, doubt) {
		if is.weight == 0 {
			return witness, hiding
		}
		return believe, ""
	}
	no := errors.New("no witness")
	q.witness = func(context.Context) error { return no }
	_, _ = q.next(t.Context(), true)
	if _, err := q.next(t.Context(), true); !errors.Is(err, no) || !strings.Contains(err.Error(), hiding.String()) {
		t.Errorf("got %v", err)
	}
	if got, err := q.next(t.Context(), true); err != nil || got.value != "ab" || got.changed || s.asked[2] != (consul.Question{Consistent: true}) {
		t.Errorf("got %+v, %v, asked %+v", got, err, s.asked)
	}
	if !slices.Equal(s.asked, []consul.Question{{Consistent: true}, {Index: 5}, {Consistent: true}}) {
		t.Errorf("asked %v", fmt.Sprint(s.asked))
	}
}

func TestEachDoubtHasWordsOfItsOwn(t *testing.T) {
	said := map[string]bool{}
	for _, d := range []doubt{noIndex, indexOne, indexBack, indexStuck, filtered, untrue, hiding} {
		if text := d.String(); text == string(d) || said[text] {
			t.Errorf("%q is said as %q", string(d), text)
		} else {
			said[text] = true
		}
	}
	if doubt("status").String() != "status" {
		t.Error("a doubt without words has its name")
	}
	until := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	if text := (notBelieved{indexOne, until}).Error(); !strings.Contains(text, "believed if it is the same after 03:04:05") {
		t.Errorf("an end is not said: %s", text)
	}
	if text := (notBelieved{doubt: indexOne}).Error(); strings.Contains(text, "same") {
		t.Errorf("an end is said that there is not: %s", text)
	}
}

func TestEachDoubtIsOfAKindOfFailure(t *testing.T) {
	for _, c := range []struct {
		name  string
		err   error
		kind  consul.Failure
		doubt doubt
	}{
		{"an index", notBelieved{doubt: indexOne}, consul.Doubtful, indexOne},
		{"policies", notBelieved{doubt: filtered}, consul.Filtered, filtered},
		{"policies, until it is said twice", notBelieved{filtered, time.Unix(1, 0)}, consul.Doubtful, filtered},
		{"an empty list beside", fmt.Errorf("%w: %w", notBelieved{doubt: hiding}, errListEmpty), consul.Filtered, hiding},
		{"no answer of Consul's", api.StatusError{Code: 403}, consul.Denied, "status"},
		{"none that can be read", io.ErrUnexpectedEOF, consul.Garbage, "unreadable"},
		{"no answer", consul.ErrTimeout, consul.Timeout, ""},
	} {
		wrapped := fmt.Errorf("query: %w", c.err)
		if kind, doubt := consul.FailureOf(wrapped), doubtOf(wrapped); kind != c.kind || doubt != c.doubt {
			t.Errorf("%s: %s and %q, want %s and %q", c.name, kind, doubt, c.kind, c.doubt)
		}
		if consul.RemedyOf(wrapped) == "" {
			t.Errorf("%s: no remedy", c.name)
		}
	}
}
