package lastknown

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
)

// Config entries are kept, served and replaced like services.
func TestConfigEntriesAreKeptServedAndReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		was := catalogOf(1, "shop").Apply(catalog.Delta{Entries: entries()})
		s := newStage(t, from(t, time.Now().Add(-time.Hour), was))
		served := catalog.Catalog{}.Apply(<-s.out)
		if !served.Equal(was) {
			t.Errorf("served %v", served)
		}
		s.answers()
		is := catalogOf(1, "shop").Apply(catalog.Delta{Entries: entries()[1:]})
		s.in <- whole(is)
		d := <-s.out
		if len(d.Set)+len(d.Gone)+len(d.Entries) > 0 || len(d.GoneEntries) != 1 || d.GoneEntries[0] != entries()[0].Key {
			t.Errorf("replaced by %+v", d)
		}
		time.Sleep(time.Minute)
		s.in <- catalog.Delta{GoneEntries: []catalog.EntryKey{entries()[2].Key}, Entries: entries()[:1]}
		<-s.out
		is = is.Apply(catalog.Delta{GoneEntries: []catalog.EntryKey{entries()[2].Key}, Entries: entries()[:1]})
		s.stop()
		_, c, err := load(s.path, s.config.Scope, time.Hour, time.Now())
		if err != nil || !c.Equal(is) {
			t.Errorf("written %+v %v, want %+v", c, err, is)
		}
	})
}

func TestConfigEntriesOfTheFileAreNotServedIfTheyAreNotWatched(t *testing.T) {
	dir := from(t, time.Now(), catalogOf(1, "shop").Apply(catalog.Delta{Entries: entries()}))
	for without, want := range map[bool]int{false: len(entries()), true: 0} {
		config := DefaultConfig()
		config.Dir, config.WithoutEntries = dir, without
		if got := New(config, slog.New(slog.DiscardHandler), nil).Load(); len(got.Entries) != want || len(got.Services) != 1 {
			t.Errorf("without entries %v: loaded %+v", without, got)
		}
	}
}
