package lastknown

import (
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
)

// The own datacenter's catalog, with those of other sites.
func ofSites(at ...catalog.Site) catalog.Catalog {
	c := catalogOf(1, "shop")
	for _, s := range at {
		one := c.Services[key("shop")]
		one.Key = s.Service("shop")
		c.Services[one.Key] = one
	}
	return c
}

var (
	dc2, dc3 = catalog.Site{Datacenter: "dc2"}, catalog.Site{Datacenter: "dc3"}
	peer     = catalog.Site{Datacenter: "dc1", Peer: "cluster01"}
)

// Which sites are followed may change without the others' last known being thrown away.
func TestWhatIsKnownOfASiteIsUsedWhileItIsFollowedAndNotTooOld(t *testing.T) {
	h := header
	h.Scope, h.Believed = Scope{Datacenter: "dc1"}, time.Now()
	h.Sites = []Site{{peer, time.Now()}, {dc2, time.Now().Add(-2 * time.Hour)}, {dc3, time.Now().Add(-25 * time.Hour)}}
	dir := t.TempDir()
	for name, c := range map[string]struct {
		follows []catalog.Site
		want    []catalog.Site
	}{
		"all, of which one is too old": {[]catalog.Site{peer, dc2, dc3}, []catalog.Site{peer, dc2}},
		"one is not followed any more": {[]catalog.Site{peer}, []catalog.Site{peer}},
		"none is":                      {nil, nil},
		"another one is":               {[]catalog.Site{peer, {Datacenter: "dc9"}, dc2}, []catalog.Site{peer, dc2}},
	} {
		if err := store(system{}, filepath.Join(dir, fileName), h, ofSites(peer, dc2, dc3)); err != nil {
			t.Fatal(err)
		}
		config := DefaultConfig()
		config.Dir, config.Scope = dir, h.Scope
		config.Follows = func(own string, at catalog.Site) bool { return own == "dc1" && slices.Contains(c.follows, at) }
		s := New(config, slog.New(slog.DiscardHandler), nil)
		if got := s.Load(); !got.Equal(ofSites(c.want...)) || len(s.Sites()) != len(c.want) {
			t.Errorf("%s: loaded %+v of %v", name, got.Services, s.Sites())
		}
	}
}

// Each site has its own date: that of one which is away is not renewed by the others.
func TestEachSiteKeepsItsOwnDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		was := time.Now().Add(-3 * time.Hour)
		h := header
		h.Scope, h.Believed, h.Sites = Scope{Datacenter: "dc1"}, was, []Site{{dc2, was.UTC()}, {dc3, was.UTC()}}
		dir := t.TempDir()
		if err := store(system{}, filepath.Join(dir, fileName), h, ofSites(dc2, dc3)); err != nil {
			t.Fatal(err)
		}
		config := DefaultConfig()
		config.Dir, config.Follows = dir, func(string, catalog.Site) bool { return true }
		s := New(config, slog.New(slog.DiscardHandler), nil)
		c := s.Load()
		now := time.Now()
		if err := s.write(Consul{Datacenter: "dc1", LastSuccess: now, Sites: map[catalog.Site]time.Time{dc2: now, dc3: {}}}, c); err != nil {
			t.Fatal(err)
		}
		got, _, err := load(filepath.Join(dir, fileName), Scope{Datacenter: "dc1"}, time.Hour*24, now)
		if err != nil || len(got.Sites) != 2 || !got.Sites[0].Believed.Equal(now) || !got.Sites[1].Believed.Equal(was) {
			t.Errorf("%+v %v", got.Sites, err)
		}
	})
}
