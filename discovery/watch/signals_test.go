package watch

import (
	"maps"
	"slices"
	"testing"
)

func TestWhatTwoAnswersAboutChecksName(t *testing.T) {
	is := func(service, status string) checkState {
		return checkState{status: status, service: service, instance: service}
	}
	a, b, node := checkID{"n", "a"}, checkID{"n", "b"}, checkID{"n", "serfHealth"}
	was := map[checkID]checkState{a: is("web", "passing"), b: is("api", "passing"), node: is("", "passing")}
	for _, c := range []struct {
		name   string
		change func(map[checkID]checkState)
		want   []string
		nodes  int
		came   bool
	}{
		{"nothing", func(m map[checkID]checkState) {}, nil, 0, false},
		{"a status", func(m map[checkID]checkState) { m[a] = is("web", "critical") }, []string{"web"}, 0, false},
		{"a check comes", func(m map[checkID]checkState) { m[checkID{"n", "c"}] = is("db", "passing") }, []string{"db"}, 0, true},
		{"a check goes", func(m map[checkID]checkState) { delete(m, b) }, []string{"api"}, 0, true},
		{"a check is another service's", func(m map[checkID]checkState) { m[b] = is("db", "passing") }, []string{"api", "db"}, 0, false},
		{"a node's", func(m map[checkID]checkState) { m[node] = is("", "critical") }, nil, 1, false},
		{"a node's comes", func(m map[checkID]checkState) { m[checkID{"m", "serfHealth"}] = is("", "passing") }, nil, 1, true},
		{"a node's goes", func(m map[checkID]checkState) { delete(m, node) }, nil, 1, true},
	} {
		now := maps.Clone(was)
		c.change(now)
		got := compareChecks(was, now)
		if names := slices.Sorted(maps.Keys(got.services)); !slices.Equal(names, c.want) || len(got.nodes) != c.nodes || got.came != c.came {
			t.Errorf("%s: services %v, %d nodes, came %v", c.name, names, len(got.nodes), got.came)
		}
	}
}
