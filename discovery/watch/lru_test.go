package watch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"legate/discovery/catalog"
)

func TestWhoGivesItsQueryAway(t *testing.T) {
	now := at(1000)
	everybody := func(string) bool { return true }
	but := func(not ...string) func(string) bool {
		return func(service string) bool {
			for _, n := range not {
				if n == service {
					return false
				}
			}
			return true
		}
	}
	changed := func(name string, ago time.Duration) *Service {
		return &Service{Key: catalog.ServiceKey{Name: name}, changed: now.Add(-ago)}
	}
	old, middle, young := changed("old", time.Hour), changed("middle", time.Minute), changed("young", time.Second)
	r := newLRU()
	victim := func(wanted func(string) bool) string {
		if f := r.victim(now, wanted); f != nil {
			return f.Key.Name
		}
		return ""
	}
	if got := victim(but("old")); got != "" {
		t.Errorf("%s, of none", got)
	}
	for _, f := range []*Service{old, middle, young} {
		r.touch(f)
	}
	for _, c := range []struct {
		name   string
		wanted func(string) bool
		want   string
	}{
		{"the one that has not changed for longest", everybody, "old"},
		{"rather one that nobody wants", but("middle"), "middle"},
		{"however lately it changed", but("young"), "young"},
		{"of these the one that has not changed for longest", but("young", "middle"), "middle"},
	} {
		if got := victim(c.wanted); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	r.touch(old) // it changes again
	if got := victim(everybody); got != "middle" {
		t.Errorf("%q, want the middle one, after the old one has changed", got)
	}
	r.remove(middle)
	r.remove(middle) // it is out already
	if got := victim(everybody); got != "" {
		t.Errorf("%q, although it changed a second ago", got)
	}
	young.changed = now.Add(-keepHot)
	if got := victim(everybody); got != "young" {
		t.Errorf("%q, want the one that changed half a minute ago", got)
	}
	r.pace.AllowN(now, promoteFirst) // as many as may change places at once
	if got := victim(everybody); got != "" {
		t.Errorf("%q, although many have just changed places", got)
	}
	now = now.Add(promoteEvery)
	if got := victim(everybody); got != "young" {
		t.Errorf("%q, want one that gives its place away after a while", got)
	}
}

// A service that changes for the second time within five minutes takes the query of one that does
// without.
func TestWhoChangesAgainTakesTheQueryOfWhoDoesNot(t *testing.T) {
	w := queriesOver(t, 100)
	w.Prefer(func(service string) bool { return service != "unwanted" })
	swept := func(name string) *Service { return &Service{Key: catalog.ServiceKey{Name: name}} }
	direct := func(name string) *Service {
		f := swept(name)
		w.ring.makeDirect(f)
		w.lru.touch(f)
		return f
	}
	is := func(when string, want ...string) {
		t.Helper()
		var got []string
		for e := w.lru.order.Front(); e != nil; e = e.Next() {
			f := e.Value.(*Service)
			got = append(got, f.Key.Name)
			if f.place != e || !w.ring.isDirect(f) {
				t.Errorf("%s: %s is in front of others and has no query", when, f.Key.Name)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v have a query, the one that changed last first; want %v", when, got, want)
		}
	}
	c, b, a := direct("c"), direct("b"), direct("a")
	is("at first", "a", "b", "c")
	x, y, unwanted := swept("x"), swept("y"), swept("unwanted")
	w.Changed(x, at(1))
	w.Changed(unwanted, at(1))
	w.Changed(unwanted, at(2))
	w.Changed(y, at(2))
	w.Changed(c, at(3))
	is("after one change each", "c", "a", "b")
	w.Changed(x, at(1).Add(hotFor))
	is("after a second one of x", "x", "c", "a")
	if _, over := b.asks.begin(t.Context()); !over || w.ring.isDirect(b) {
		t.Error("b's query goes on")
	}
	w.Changed(y, at(2).Add(hotFor+1))
	is("after a second one of y, too late", "x", "c", "a")
	w.Changed(y, at(3).Add(hotFor))
	is("after a third one", "y", "x", "c")
	w.Changed(b, at(4).Add(hotFor))
	w.Changed(b, at(5).Add(hotFor))
	is("after two changes of the one that had it", "b", "y", "x")
	if _, over := a.asks.begin(t.Context()); !over {
		t.Error("a's query goes on")
	}
	for n := range 2 * promoteFirst {
		direct(fmt.Sprint("many-", n))
	}
	for n := range 2 * promoteFirst { // all at once
		f := swept(fmt.Sprint("hot-", n))
		w.Changed(f, at(1000))
		w.Changed(f, at(1000))
	}
	hot := 0
	for e := w.lru.order.Front(); e != nil; e = e.Next() {
		if strings.HasPrefix(e.Value.(*Service).Key.Name, "hot-") {
			hot++
		}
	}
	if hot != promoteFirst {
		t.Errorf("%d of them got a query at once, want %d", hot, promoteFirst)
	}
}
