package discovery

import (
	"testing"
	"time"
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
	changed := func(name string, ago time.Duration) *followed {
		return &followed{key: ServiceKey{Name: name}, changed: now.Add(-ago)}
	}
	old, middle, young := changed("old", time.Hour), changed("middle", time.Minute), changed("young", time.Second)
	r := newRecency()
	victim := func(wanted func(string) bool) string {
		if f := r.victim(now, wanted); f != nil {
			return f.key.Name
		}
		return ""
	}
	if got := victim(but("old")); got != "" {
		t.Errorf("%s, of none", got)
	}
	for _, f := range []*followed{old, middle, young} {
		r.enter(f)
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
	r.enter(old) // it changes again
	if got := victim(everybody); got != "middle" {
		t.Errorf("%q, want the middle one, after the old one has changed", got)
	}
	r.leave(middle)
	r.leave(middle) // it has left already
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
