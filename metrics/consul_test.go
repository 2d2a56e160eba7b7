package metrics

import (
	"maps"
	"slices"
	"testing"
)

func TestTheDatacenterIsOne(t *testing.T) {
	m := New(BuildInfo{})
	if got := gathered(t, m, "legate_consul_datacenter_info", "datacenter"); len(got) != 0 {
		t.Errorf("%v before it is known", got)
	}
	m.Consul.Datacenter("dc1")
	m.Consul.Datacenter("dc2")
	if got := slices.Collect(maps.Keys(gathered(t, m, "legate_consul_datacenter_info", "datacenter"))); !slices.Equal(got, []string{"dc2 "}) {
		t.Errorf("%q", got)
	}
}
