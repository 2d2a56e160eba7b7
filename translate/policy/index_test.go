package policy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"legate/discovery/catalog"
)

// The index leaves out no rule that matches, and keeps their order.
func TestTheIndexFindsTheRulesThatMatch(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	patterns := []string{"a", "b", "ab", "a*", "?", "*", "c", "b?"}
	for range 500 {
		var rules []rule
		for range r.IntN(12) {
			var m match
			for range r.IntN(4) {
				m.names = append(m.names, patterns[r.IntN(len(patterns))])
			}
			rules = append(rules, rule{match: m})
		}
		x := indexOf(rules)
		for _, name := range []string{"a", "b", "ab", "c", "none"} {
			var all, found []int
			s := catalog.Service{Key: catalog.ServiceKey{Name: name}}
			for n := range rules {
				if rules[n].match.matches(s, "") {
					all = append(all, n)
				}
			}
			for n := range x.of(name) {
				if rules[n].match.matches(s, "") {
					found = append(found, n)
				}
			}
			if !slices.Equal(all, found) {
				t.Fatalf("%s: found %v, want %v of %+v", name, found, all, rules)
			}
		}
	}
}

// BenchmarkOneOf10000Rules finds what holds for one of 10,000 services with a rule each.
func BenchmarkOneOf10000Rules(b *testing.B) {
	text := []byte("services:\n")
	for n := range 10_000 {
		text = fmt.Appendf(text, "- {match: {names: [service-%05d]}, connect_timeout: %dms}\n", n, 3000+n)
	}
	p, err := Parse([]File{{Name: "policy.yaml", Content: text}})
	if err != nil {
		b.Fatal(err)
	}
	s := catalog.Service{Key: catalog.ServiceKey{Name: "service-04321"}}
	for b.Loop() {
		p.For(s, "", func(catalog.EntryKey) (catalog.Entry, bool) { return catalog.Entry{}, false })
	}
}
