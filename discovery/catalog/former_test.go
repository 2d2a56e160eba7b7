package catalog

import (
	"slices"
	"testing"
)

func ids(all []Instance) (ids []string) {
	for _, i := range all {
		ids = append(ids, i.ID)
	}
	return ids
}

// A service keeps its last instances' words for as long as it has none, however often that is said.
func TestAServiceWithoutInstancesKeepsItsLastOnes(t *testing.T) {
	s := Service{Key: ServiceKey{Name: "web"}}
	for _, c := range []struct{ has, voters, former string }{
		{"", "", ""}, {"ab", "ab", ""}, {"b", "b", ""}, {"", "b", "b"}, {"", "b", "b"}, {"c", "c", ""}, {"", "c", "c"},
	} {
		var now []Instance
		for _, id := range split(c.has) {
			now = append(now, Instance{ID: id})
		}
		s = s.With(now)
		if got := ids(s.Voters()); !slices.Equal(got, split(c.voters)) || !slices.Equal(ids(s.Former), split(c.former)) || s.Key.Name != "web" {
			t.Errorf("with %q: voters %q, former %q; want %q and %q", c.has, got, ids(s.Former), c.voters, c.former)
		}
	}
}

func split(s string) (all []string) {
	for _, r := range s {
		all = append(all, string(r))
	}
	return all
}

// What is not selected has no vote, whether it is there or was.
func TestFormerInstancesAreSelectedLikeOthers(t *testing.T) {
	was := Service{Key: ServiceKey{Name: "web"}, Instances: []Instance{{ID: "a", Tags: []string{"edge"}}, {ID: "b"}}}
	got := Selection{Tags: []string{"edge"}}.Of(Of(was.With(nil))).Services[was.Key]
	if !slices.Equal(ids(got.Former), []string{"a"}) {
		t.Errorf("former instances %q, want a alone", ids(got.Former))
	}
}
