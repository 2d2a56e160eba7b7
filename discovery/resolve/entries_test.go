package resolve

import (
	"testing"

	"legate/discovery/catalog"
)

// Config entries have no host names: they pass, with the services that come with them.
func TestConfigEntriesPass(t *testing.T) {
	s := begin(t, nil)
	s.dns.Set("db.example.", 0, "10.0.0.1")
	grpc := catalog.Entry{Key: catalog.EntryKey{Kind: catalog.ServiceDefaults, Name: "db"}, Protocol: "grpc"}
	s.in <- catalog.Delta{Set: []catalog.Service{service("db", "db.example")}, Entries: []catalog.Entry{grpc}}
	s.await("resolved", func(c catalog.Catalog) bool { return len(c.Services) > 0 })
	if !s.catalog.Entries[grpc.Key].Equal(grpc) || !has("db", "10.0.0.1")(s.catalog) {
		t.Errorf("the first delta has the service and not its entry: %v", s.catalog)
	}
	s.in <- catalog.Delta{GoneEntries: []catalog.EntryKey{grpc.Key}}
	s.await("the entry is gone", func(c catalog.Catalog) bool { return len(c.Entries) == 0 && len(c.Services) == 1 })
	got := New(quick(t, s.dns), nil, nil).Once(t.Context(), catalog.Catalog{Entries: map[catalog.EntryKey]catalog.Entry{grpc.Key: grpc}})
	if len(got.Entries) != 1 {
		t.Errorf("once: %v", got)
	}
}
