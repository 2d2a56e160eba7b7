package catalog

import "testing"

func TestWhichServicesAreSelected(t *testing.T) {
	c := Selection{Include: []string{"web*", "a?i", "team/*"}, Exclude: []string{"*-canary"}, Tags: []string{"edge", "v2"}}
	both := []string{"edge", "other", "v2"}
	for _, s := range []struct {
		name string
		tags []string
		want bool
	}{
		{"web", both, true},
		{"web-1", both, true},
		{"api", both, true},
		{"appi", both, false},
		{"team/a/b", both, true},
		{"web-canary", both, false},
		{"web", []string{"edge"}, false},
		{"web", nil, false},
		{"db", both, false},
	} {
		if got := c.Matches(s.name, s.tags); got != s.want {
			t.Errorf("%s with %v: %v", s.name, s.tags, got)
		}
	}
	if (Selection{}).Matches("consul", nil) || !(Selection{}).Matches("consul-web", nil) {
		t.Error("without a selection all services but consul are wanted")
	}
}
