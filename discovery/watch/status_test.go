package watch

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"legate/discovery/catalog"
	"legate/discovery/consul"
)

func TestTheStatusSaysHowServicesAreFollowed(t *testing.T) {
	w := queriesOver(t, 100)
	is := func(mode, within string) {
		t.Helper()
		s := w.Status()
		i := slices.IndexFunc(s.Problems, func(p catalog.Problem) bool { return p.Kind == "connections" })
		if s.Mode != mode || (i >= 0) != (within != "") || i >= 0 && (!strings.Contains(s.Problems[i].Detail, within) || !strings.Contains(s.Problems[i].Remedy, "use https (HTTP/2), or")) {
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

func TestTheProblemsOfTheStatusAreSortedByAge(t *testing.T) {
	a := queriesOver(t, 100)
	for n, err := range []error{errors.New("refused"), consul.ErrTimeout, notBelieved{doubt: filtered}} {
		a.outages.failed(fmt.Sprint("service/", n), err, at(float64(10-n)))
	}
	for range 10 {
		p := a.Status().Problems
		if len(p) != 3 || p[0].Kind != "filtered" || p[2].Kind != "unreachable" {
			t.Fatalf("problems: %+v", p)
		}
	}
}
