package discovery

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheSelectionCanChangeWhileTheWatchRuns(t *testing.T) {
	cfg := fakeConfig()
	cfg.Include = []string{"shop-*"}
	fake := newFakeConsul("shop-1", "shop-2", "web")
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		is := func(want ...string) {
			t.Helper()
			synctest.Wait()
			if c, _ := r.now(); !slices.Equal(names(c), want) {
				t.Errorf("catalog %v, want %v", names(c), want)
			}
		}
		is("shop-1:1", "shop-2:1")
		r.Select(Selection{Exclude: []string{"shop-2"}})
		is("shop-1:1", "web:1")
		r.Select(Selection{Include: []string{"nothing"}})
		is()
		r.Select(Selection{Include: []string{"shop-1"}})
		r.Select(Selection{})
		is("shop-1:1", "shop-2:1", "web:1")
		fake.set("web", 2)
		time.Sleep(time.Second)
		is("shop-1:1", "shop-2:1", "web:2")
	})
}
