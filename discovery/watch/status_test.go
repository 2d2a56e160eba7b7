package watch

import (
	"slices"
	"strings"
	"testing"

	"legate/discovery/catalog"
)

func TestTheStatusSaysHowServicesAreFollowed(t *testing.T) {
	w := queriesOver(t, 100)
	is := func(mode, within string) {
		t.Helper()
		s := w.Status()
		i := slices.IndexFunc(s.Problems, func(p catalog.Problem) bool { return p.Kind == "connections" })
		if s.Mode != mode || (i >= 0) != (within != "") || i >= 0 && (!strings.Contains(s.Problems[i].Detail, within) || s.Problems[i].Remedy == "") {
			t.Errorf("mode %s, problems %+v, want %s and %q", s.Mode, s.Problems, mode, within)
		}
	}
	is("direct", "")
	w.watched.Store(int64(3))
	w.polled.Store(int64(0))
	is("direct", "")
	w.watched.Store(int64(3))
	w.polled.Store(int64(200))
	for range 200 {
		w.ring.addUnlessDirect(&Service{})
	}
	is("sweep", "200 of 203 services have no connection of their own, because there are only 100: changes of health and instances show within that, too, all others within a round of 3s")
	w.ring.setSignalled(true)
	is("signals", "within a second or two, all others within a round of 10s")
	if s := w.Status(); s.Direct != 3 || s.Swept != 200 {
		t.Errorf("status: %+v", s)
	}
}
