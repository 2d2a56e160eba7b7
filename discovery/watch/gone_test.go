package watch

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
)

// Nothing is kept of a service that is gone: not its place among those that are watched, not what
// was wrong with it, not what was hidden of it.
func TestAServiceThatIsGoneIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, now := queriesOver(t, 100), time.Now()
		web := q.Watch(t.Context(), catalog.ServiceKey{Name: "web"})
		api := q.Watch(t.Context(), catalog.ServiceKey{Name: "api"})
		q.Select(catalog.Selection{})
		q.Schedule()
		synctest.Wait() // both failed, and wait
		if q.dirty || q.lru.order.Len() != 2 || !q.Fails(web) || !q.Fails(api) {
			t.Fatalf("%d services have a blocking query", q.lru.order.Len())
		}
		q.outages.failed(web.loop(), errors.New("refused"), now)
		q.filtered.note(web.loop(), true, now)
		q.Unwatch(web, now)
		if web.ctx.Err() == nil {
			t.Error("its loops go on")
		}
		if q.ring.addUnlessDirect(web); q.ring.size() != 0 {
			t.Error("it is in the ring")
		}
		if web.place != nil || q.lru.order.Len() != 1 || q.services["web"] != nil {
			t.Errorf("%d services have a blocking query", q.lru.order.Len())
		}
		if q.Fails(web) || len(q.Standing()) != 0 {
			t.Errorf("problems: %+v, %+v", q.Status().Problems, q.Standing())
		}
		if !q.dirty {
			t.Error("nobody else gets its blocking query")
		}
		q.Unwatch(api, now)
		if s := q.Status(); len(s.Problems) != 0 {
			t.Errorf("problems: %+v", s.Problems)
		}
	})
}
