package bridge

import (
	"fmt"
	"slices"
	"testing"

	"legate/discovery/catalog"
	"legate/translate"
)

// TestItTellsWhichServicesBeginAndCeaseToBeNeeded: each time once, and by then State says so, too.
func TestItTellsWhichServicesBeginAndCeaseToBeNeeded(t *testing.T) {
	c := newCrossing(translate.DefaultConfig())
	c.Spread(0)
	var told []string
	c.OnInterest(func(keys ...catalog.ServiceKey) {
		if len(keys) == 0 {
			told = append(told, "all")
		}
		for _, k := range keys {
			told = append(told, fmt.Sprint(k, " ", c.State().Resources.Needs(k)))
		}
	})
	web, failing := service("web", 80), service("web", 80)
	failing.Instances[0].Meta = map[string]string{"legate-failover": "dc2"}
	there := catalog.ServiceKey{Datacenter: "dc2", Name: "web"}
	near := catalog.EntryKey{Kind: catalog.Datacenters, Name: catalog.NearestEntry}
	for n, step := range []struct {
		delta catalog.Delta
		want  []string
	}{
		{catalog.Delta{Set: []catalog.Service{web}}, []string{"all"}},
		{catalog.Delta{Set: []catalog.Service{failing}}, []string{"web.dc2 true"}},
		{catalog.Delta{Set: []catalog.Service{service("api", 80)}}, nil},
		// What has its name is needed; what is called so in another case is not any more.
		{catalog.Delta{Set: []catalog.Service{{Key: there}}}, []string{"web.dc2.dc1 true", "web.dc2 true"}},
		{catalog.Delta{Set: []catalog.Service{web}}, []string{"web.dc2 false"}},
		{catalog.Delta{Entries: []catalog.Entry{{Key: near, Datacenters: []string{"dc2"}}}}, []string{"all"}},
	} {
		told = nil
		if err := c.carry(step.delta); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(told, step.want) {
			t.Errorf("step %d: it told %q, want %q", n, told, step.want)
		}
	}
	told = nil
	c.adopt(under(t, "services: [{match: {names: [db]}, failover: dc2}]"))
	if len(told) == 0 || told[0] != "all" {
		t.Errorf("a new policy: it told %q", told)
	}
	db := catalog.ServiceKey{Datacenter: "dc2", Name: "db"}
	if r := c.State().Resources; !r.Needs(db) || r.Needs(there) || !slices.Equal(r.ReadBy(db), []string{"db"}) {
		t.Errorf("the policy names %v, and it is needed: %t, by %q; %v: %t", db, r.Needs(db), r.ReadBy(db), there, r.Needs(there))
	}
}
