package glob

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

var cases = []struct {
	pattern, text string
	want          bool
}{
	{"web", "web", true},
	{"web", "web2", false},
	{"web", "we", false},
	{"web", "", false},
	{"", "", true},
	{"", "w", false},
	{"*", "", true},
	{"*", "web/admin", true},
	{"**", "web", true},
	{"web*", "web", true},
	{"web-*", "web-1", true},
	{"web-*", "web", false},
	{"*-web", "a-web-web", true},
	{"*-web", "a-web-we", false},
	{"a*b*c", "aXbXbc", true},
	{"a*b*c", "aXcXb", false},
	{"w?b", "wéb", true},
	{"w?b", "wb", false},
	{"?", "", false},
	{"???", "wéb", true},
	{"[a-z]", "a", false},
	{"[a-z]", "[a-z]", true},
	{`\*`, `\anything`, true},
	{"é*", "èa", false},
	{"*", "\xff\xfe", true},
	{"?\xfe", "\xff\xfe", true},
	{"\xff", "\xfe", false},
}

func TestMatch(t *testing.T) {
	for _, c := range cases {
		if got := Match(c.pattern, c.text); got != c.want {
			t.Errorf("%q for %q: %v", c.pattern, c.text, got)
		}
	}
}

// A pattern of many stars takes exponential time in simple matchers.
func TestNoPatternTakesLong(t *testing.T) {
	pattern, text := strings.Repeat("a*", 500)+"b", strings.Repeat("a", 20_000)
	done := make(chan bool, 1)
	go func() { done <- Match(pattern, text) }()
	select {
	case matched := <-done:
		if matched {
			t.Error("it matches")
		}
	case <-time.After(time.Minute):
		t.Error("it still runs after a minute")
	}
}

// FuzzMatch compares with the equivalent regular expression.
func FuzzMatch(f *testing.F) {
	for _, c := range cases {
		f.Add(c.pattern, c.text)
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		pattern, text = strings.ToValidUTF8(pattern, "x"), strings.ToValidUTF8(text, "x")
		said := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern))
		same, err := regexp.Compile("(?s)^" + said + "$")
		if err != nil {
			t.Skip(err) // the regular expression is too long
		}
		if got, want := Match(pattern, text), same.MatchString(text); got != want {
			t.Errorf("%q for %q: %v, want %v", pattern, text, got, want)
		}
	})
}
