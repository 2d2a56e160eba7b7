package live

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

const checkout = "../../.."

func TestSpansOfTimeAreShorterAndEverythingElseIsAsItWas(t *testing.T) {
	for text, want := range map[string]string{
		`rate(a_total{le="0.5"}[5m])`:                  `rate(a_total{le="0.5"}[10000ms])`,
		`max_over_time(b[1h:1m]) > 0`:                  `max_over_time(b[120000ms:2000ms]) > 0`,
		`time() - (c > 0) > bool 180`:                  `time() - (c > 0) > bool 6`,
		`(d > 0) - time() < 3 * 24 * 3600`:             `(d > 0) - time() < 3 * 24 * 120`,
		`60 * sum(rate(e_total[$__rate_interval]))`:    `60 * sum(rate(e_total[$__rate_interval]))`,
		"for: 2m\nsummary: no answer for 30 minutes\n": "for: 4000ms\nsummary: no answer for 30 minutes\n",
		"scrape_interval: 15s":                         "scrape_interval: 500ms",
	} {
		if got := Hasten(text); got != want {
			t.Errorf("%s\nbecomes  %s\nand not  %s", text, got, want)
		}
	}
}

// A number that is a span of time would not become shorter if nobody had said that it is one.
func TestOfEachNumberInAQueryItIsKnownWhetherItIsASpanOfTime(t *testing.T) {
	boards, err := Boards(filepath.Join(checkout, Folder))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := os.ReadFile(filepath.Join(checkout, Folder, "legate.rules.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, b := range boards {
		for _, q := range b.Queries {
			all = append(all, q.Expr)
		}
	}
	// An expression ends at the next key of its rule.
	for _, m := range regexp.MustCompile(`(?s)expr: (.*?)\n        ?(?:for|labels):`).FindAllStringSubmatch(string(rules), -1) {
		all = append(all, m[1])
	}
	for _, expr := range all {
		for _, n := range number.FindAllString(fraction.ReplaceAllString(expr, ""), -1) {
			if !spans[n] && !others[n] {
				t.Errorf("%s: is %s a span in seconds? Then it belongs to spans in pace.go, else to others", expr, n)
			}
		}
	}
}

var fraction = regexp.MustCompile(`\d*\.\d+`)

func TestAllThatCanBeSelectedIsFilledInAsAPattern(t *testing.T) {
	p := &Prometheus{}
	choice := map[string]string{"job": one([]string{"legate"}, true)[0], "instance": one([]string{"a:1", "b.c:1"}, true)[0]}
	got := p.Filled(`rate(a{job=~"$job", instance=~"${instance}"}[$__rate_interval])`, choice)
	if want := `rate(a{job=~"legate", instance=~"(a:1|b\\.c:1)"}[2000ms])`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := one([]string{"a", "b"}, false); len(got) != 2 {
		t.Errorf("one value at a time: %q", got)
	}
}
