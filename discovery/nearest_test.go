package discovery

import (
	"slices"
	"strings"
	"testing"
)

func TestAnotherOrderCountsWhenItWasSaidSeveralTimesInARow(t *testing.T) {
	for _, c := range []struct {
		why  string
		said string // one letter for each datacenter
		want string
	}{
		{"the first counts at once", "abc", "abc"},
		{"another one does not", "abc bac bac bac", "abc"},
		{"it does when it stays", "abc bac bac bac bac", "bac"},
		{"the old one between starts over", "abc bac bac bac abc bac bac bac", "abc"},
		{"and so does a third one", "abc bac bac bac acb bac bac bac", "abc"},
		{"one that is gone is left out at once", "abc ac", "ac"},
		{"and the others keep their places", "abc ca", "ac"},
		{"a new one comes where it is said to be", "ac abc", "abc"},
		{"in front, too", "bc abc", "abc"},
		{"and behind one that is new as well", "c abcd", "abcd"},
		{"others keep their places meanwhile", "ab bxa", "abx"},
		{"none", "ab -", ""},
	} {
		var n nearest
		for _, said := range strings.Fields(c.said) {
			before := slices.Clone(n.order)
			if changed := n.told(strings.Split(strings.Trim(said, "-"), "")); changed == slices.Equal(before, n.order) {
				t.Errorf("%s: %q after %v: changed is %v", c.why, said, before, changed)
			}
		}
		if got := strings.Join(n.order, ""); got != c.want {
			t.Errorf("%s: %q gives %q, want %q", c.why, c.said, got, c.want)
		}
	}
}
