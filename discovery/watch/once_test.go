package watch

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
)

// What is read once is asked of the leader; what is in doubt is asked for once more, when it is believed if it
// is the same, and not in vain if nobody waits for it any more.
func TestWhatIsReadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAsking(t, nil)
		web := catalog.ServiceKey{Datacenter: "dc1", Name: "web"}
		a.list("web")
		a.service("web", 2)
		if l, err := a.ReadList(t.Context()); err != nil || len(l) != 2 {
			t.Errorf("%v, %v", l, err)
		}
		if s, refused, err := a.ReadService(t.Context(), web); err != nil || refused || len(s.Service.Instances) != 2 {
			t.Errorf("%v, %v, %v", s, refused, err)
		}
		for _, q := range a.take(func(question) bool { return true }) {
			if !q.consistent || q.index != 0 {
				t.Errorf("asked %+v, want the leader asked", q)
			}
		}
		a.spoilWith(only(aboutOf("web"), refuse(400)))
		if _, refused, err := a.ReadService(t.Context(), web); !refused || !consul.IsRefusal(err) {
			t.Errorf("of its name alone: %v, %v", refused, err)
		}
		a.spoilWith(refuse(400))
		if _, refused, err := a.ReadService(t.Context(), web); refused || !consul.IsRefusal(err) {
			t.Errorf("of every name: %v, %v", refused, err)
		}
		if _, err := a.ReadList(t.Context()); !consul.IsRefusal(err) {
			t.Errorf("the list: %v", err)
		}
		a.spoilWith(nil)

		a.putAt(1, listPath, consul.Listing{})
		a.putAt(1, healthPath+"web", []any{})
		a.take(isList)
		began := time.Now()
		if l, err := a.ReadList(t.Context()); err != nil || len(l) != 0 || time.Since(began) != a.apart || len(a.take(isList)) != 2 {
			t.Errorf("a list in doubt: %v, %v after %v", l, err, time.Since(began))
		}
		began = time.Now()
		if s, _, err := a.ReadService(t.Context(), web); err != nil || len(s.Service.Instances) != 0 || time.Since(began) != a.apart {
			t.Errorf("a service in doubt: %v, %v after %v", s, err, time.Since(began))
		}
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		if _, err := a.ReadList(soon); doubtOf(err) != indexOne || time.Since(began) != time.Second {
			t.Errorf("a list in doubt that nobody waits for: %v after %v", err, time.Since(began))
		}
	})
}
