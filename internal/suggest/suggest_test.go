package suggest

import (
	"strings"
	"testing"
)

func TestTheNearestWordIsSuggestedAndOnlyIfItIsNear(t *testing.T) {
	for _, c := range []struct{ given, want string }{
		{"serv", `"serve"`}, {"sevre", `"serve"`}, {"REDNER", `"render"`}, {"x", ""}, {"kubernetes", ""},
	} {
		got := DidYouMean(c.given, []string{"serve", "render", "version"})
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("DidYouMean(%q) = %q, want %s", c.given, got, c.want)
		}
	}
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "abc", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"kitten", "sitting", 3}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
