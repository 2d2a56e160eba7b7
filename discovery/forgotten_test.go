package discovery

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"legate/internal/consultest"
)

// knows is how many things the loop remembers, of each kind.
func (r *reader) knows() map[string]int {
	r.t.Helper()
	seen := make(chan map[string]int, 1)
	r.commands <- func(l *loop) {
		status := l.w.queries.Status()
		seen <- map[string]int{
			"watched": len(l.services.byName), "homes": len(l.homes), "in the catalog": len(l.served.catalog.Services), "held": len(l.guard.Holds()), "shown": len(l.report.holds), "refused": len(l.services.refused),
			"with a query": status.Direct, "polled": status.Swept, "unread": l.services.unread, "unanswered": l.services.unanswered,
			"unsent": len(l.served.pending.services), "hold lines": len(l.report.over),
		}
	}
	return <-seen
}

// Names come and go for years. What was known of one is forgotten with it: nothing grows.
func TestANameThatIsGoneIsForgotten(t *testing.T) {
	fake := many(20, 2)
	cfg := guardedConfig()
	cfg.Consul.MaxConnections = 10 + reserve()
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		time.Sleep(10 * time.Minute)
		before := fmt.Sprint(r.knows())
		for round := range 4 {
			passing, critical, late := fmt.Sprint("passing-", round), fmt.Sprint("critical-", round), fmt.Sprint("late-", round)
			fake.set(passing, 2)
			fake.set(critical, 2)
			fake.set(late, 2)
			time.Sleep(15 * time.Second)
			fake.between(critical, 0, 2, "critical")
			fake.set(passing, 3)
			time.Sleep(15 * time.Second)
			fake.set(passing, -1)
			fake.set(critical, -1)
			fake.set(late, 0)
			time.Sleep(75 * time.Second)
			fake.set(late, -1)
			time.Sleep(15 * time.Second)
		}
		refuse := func(req *http.Request) (*http.Response, error) {
			if strings.HasPrefix(req.URL.Path, healthPath+"odd") {
				return consultest.Answer(400, 0, "Bad request"), nil
			}
			return nil, nil
		}
		fake.spoilWith(refuse)
		fake.set("odd-1", 1)
		fake.set("odd-2", 1)
		until(t, time.Minute, func() bool { return r.knows()["refused"] == 2 })
		fake.resume()
		fake.set("odd-1", -1)
		fake.set("odd-2", -1)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if after := fmt.Sprint(r.knows()); after != before {
			t.Errorf("the loop knows\n%s, and before\n%s", after, before)
		}
	})
}
