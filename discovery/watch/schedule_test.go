package watch

import "testing"

// How many blocking queries there may be follows from what connections take.
func TestThePlacesForBlockingQueries(t *testing.T) {
	if w := queriesOver(t, 20); w.slots() != 20-1-reserve || w.shortRemedy() == "" {
		t.Errorf("%d places", w.slots())
	}
}

func TestBlockingQueriesStayWhereTheyAre(t *testing.T) {
	has := map[string]bool{"c": true, "e": true}
	got := choose([]string{"a", "b", "c", "d", "e"}, func(n string) bool { return has[n] }, 3)
	if len(got) != 3 || !got["a"] || !got["c"] || !got["e"] {
		t.Errorf("chosen %v, want a, c and e", got)
	}
	got = choose([]string{"a", "b", "c", "d", "e"}, func(n string) bool { return has[n] }, 1)
	if len(got) != 1 || !got["c"] {
		t.Errorf("chosen %v, want c", got)
	}
}
