package watch

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

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
	known := previous{index: 50, weight: 4}

	for _, c := range []struct {
		name string
		was  previous
		r    given
		is   content
		want verdict
	}{
		{"the first answer", previous{}, answer(7, consistent), content{4, true}, believe},
		{"the first answer is empty", previous{}, answer(7, consistent), content{0, true}, believe},
		{"the first answer is empty and from before Consul has loaded its state", previous{}, answer(1, consistent), content{0, true}, believeTwice},
		{"the first answer is from a young Consul that has something", previous{}, answer(1, consistent), content{4, true}, believe},
		{"index 1 as before", previous{index: 1, weight: 4}, answer(1, plain), content{4, false}, believe},
		{"index 1 as before, and still nothing", previous{index: 1}, answer(1, consistent), content{0, false}, believe},
		{"a newer answer", known, answer(51, plain), content{5, true}, believe},
		{"nothing new", known, answer(50, plain), content{4, false}, believe},
		{"no index", known, answer(0, plain), content{4, false}, askLeader},
		{"no index, consistently", known, answer(0, consistent), content{4, false}, reject},
		{"index 1 after a higher one", known, answer(1, plain), content{4, false}, askLeader},
		{"index 1 after a higher one, consistently", known, answer(1, consistent), content{4, false}, believeTwice},
		{"an index that went back", known, answer(49, plain), content{4, false}, askLeader},
		{"less, with an index that went back, consistently: another state", known, answer(20, consistent), content{2, true}, believeTwice},
		{"an index that went back, consistently, with as much", known, answer(20, consistent), content{4, true}, believe},
		{"other content with the same index", known, answer(50, plain), content{3, true}, askLeader},
		{"fewer, newer", known, answer(51, plain), content{3, true}, verify},
		{"fewer, newer, consistently", known, answer(51, consistent), content{3, true}, believe},
		{"none, newer", known, answer(51, plain), content{0, true}, verify},
		{"none, consistently", known, answer(51, consistent), content{0, true}, believe},
		{"none, where policies hide", known, deny(answer(51, consistent)), content{0, true}, needsWitness},
		{"none from the start, where policies hide", previous{}, deny(answer(51, consistent)), content{0, true}, needsWitness},
		{"none still, where policies hide", previous{index: 50}, deny(answer(51, plain)), content{0, false}, believe},
		{"fewer with the same index, consistently: one that is registered under another name", known, answer(50, consistent), content{3, true}, believeTwice},
		{"more with the same index, consistently: a token that may see more", known, answer(50, consistent), content{5, true}, believe},
		{"policies hide a part from the start, and nobody said so", previous{}, unexpected(answer(7, consistent)), content{4, true}, reject},
		{"policies begin to hide, and nobody said so", known, unexpected(answer(51, plain)), content{4, false}, askLeader},
		{"fewer, and policies begin to hide", known, filtered(answer(51, plain)), content{3, true}, askLeader},
		{"fewer, and policies begin to hide, consistently", known, filtered(answer(51, consistent)), content{3, true}, believeTwice},
		{"fewer, and policies begin to hide, consistently, and nobody said so", known, unexpected(answer(51, consistent)), content{3, true}, reject},
		{"none, where policies hide, as was said", known, filtered(deny(answer(51, consistent))), content{0, true}, believeTwice},
		{"none from the start, where policies hide, as was said", previous{}, filtered(deny(answer(51, consistent))), content{0, true}, believeTwice},
		{"none from the start, and policies hide, as was said", previous{}, filtered(answer(51, consistent)), content{0, true}, believeTwice},
		{"none still, and policies hide, as was said", previous{index: 50, filtered: true}, filtered(answer(51, consistent)), content{0, false}, believe},
		{"fewer, and policies hid before", previous{index: 50, weight: 4, filtered: true}, filtered(answer(51, plain)), content{3, true}, verify},
		{"fewer, and policies hid before, consistently", previous{index: 50, weight: 4, filtered: true}, filtered(answer(51, consistent)), content{3, true}, believe},
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
	if v, _ := judgeList(previous{}, r, content{0, true}, false); v != reject {
		t.Errorf("verdict %d", v)
	}
	was, newer := previous{index: 6, weight: 3}, consul.Reply{Index: 7}
	if v, _ := judgeList(was, newer, content{2, true}, false); v != believe {
		t.Errorf("a shorter list, which takes nothing away by itself: verdict %d", v)
	}
	if v, _ := judgeList(was, newer, content{0, true}, false); v != verify {
		t.Errorf("an empty list is believed on the word of one server: verdict %d", v)
	}
}

func TestEachDoubtHasWordsOfItsOwn(t *testing.T) {
	said := map[string]bool{}
	for _, d := range []doubt{noIndex, indexOne, indexBack, indexStuck, filtered, contradicted, hidden} {
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
		{"an empty list beside", fmt.Errorf("%w: %w", notBelieved{doubt: hidden}, errListEmpty), consul.Filtered, hidden},
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
