package watch

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/consul"
	"legate/internal/consultest"
	"legate/internal/metricstest"
)

// short is a Consul that gives a connection to one service; the others stand in the ring.
func short(_ *Config, to *consul.Config) { to.MaxConnections = minConnections }

// shortAndSlow hardly reads the others.
func shortAndSlow(cfg *Config, to *consul.Config) {
	short(cfg, to)
	cfg.SweepPeriod = time.Hour
}

// checks sets what the query over all checks says: one check for each service, with its status, and one of a node.
func (a *asking) checks(status map[string]string, node string) {
	all := []consul.Check{}
	for name, is := range status {
		all = append(all, consul.Check{Node: "n", CheckID: "service:" + name, Status: is, ServiceID: name, ServiceName: name})
	}
	a.put(checksPath, append(all, consul.Check{Node: "n", CheckID: "serfHealth", Status: node}))
}

func (s Signal) names() []string { return slices.Sorted(maps.Keys(s.services)) }

// A check that changes names its service, after a first answer that names nobody, and not more often than every
// 1.8 s. What Consul says in between is seen together.
func TestAChangedCheckNamesItsService(t *testing.T) {
	inTime(t, shortAndSlow, func(t *testing.T, a *asking) {
		a.checks(map[string]string{"a": "passing", "b": "passing"}, "passing")
		a.watching("a", "b", "c", "d")
		a.Complete()
		time.Sleep(10 * time.Second)
		if got := told[Signal](a); len(got) > 0 {
			t.Errorf("the first answer names %+v", got)
		}
		if s := a.Status(); s.Mode != "signals" || !s.Connected {
			t.Errorf("status: %+v", s)
		}
		a.checks(map[string]string{"a": "critical", "b": "passing"}, "passing")
		if got := told[Signal](a); len(got) != 1 || fmt.Sprint(got[0].names()) != "[a]" || len(got[0].nodes) > 0 || got[0].came {
			t.Errorf("told %+v, want a named at once", got)
		}
		a.checks(map[string]string{"a": "critical", "b": "warning"}, "passing")
		a.checks(map[string]string{"a": "critical", "b": "warning", "c": "passing"}, "critical")
		time.Sleep(signalEvery - time.Millisecond)
		if got := told[Signal](a); len(got) > 0 {
			t.Errorf("told %+v sooner than after %v", got, signalEvery)
		}
		time.Sleep(time.Millisecond)
		if got := told[Signal](a); len(got) != 1 || fmt.Sprint(got[0].names()) != "[b c]" || len(got[0].nodes) != 1 || !got[0].came {
			t.Errorf("told %+v, want b, c and the node together", got)
		}
		time.Sleep(signalEvery)
		count := func(outcome string) float64 {
			return metricstest.Sum(t, a.metrics, "legate_consul_queries_total", outcome)
		}
		changed, unchanged := count("changed"), count("unchanged")
		a.checks(map[string]string{"a": "critical", "b": "warning", "c": "passing"}, "passing")
		if got := told[Signal](a); len(got) != 1 || len(got[0].names()) > 0 || len(got[0].nodes) != 1 || got[0].came {
			t.Errorf("told %+v, want the node", got)
		}
		time.Sleep(signalEvery)
		a.checks(map[string]string{"a": "critical", "b": "warning", "c": "passing"}, "passing") // as it is
		if got := told[Signal](a); len(got) > 0 {
			t.Errorf("told %+v, and nothing changed", got)
		}
		if c, u := count("changed")-changed, count("unchanged")-unchanged; c != 1 || u != 1 {
			t.Errorf("%v answers are counted as changed, %v as unchanged, want one of each", c, u)
		}
		a.put(checksPath, []consul.Check{})
		time.Sleep(signalEvery)
		if got := told[Signal](a); len(got) != 1 || fmt.Sprint(got[0].names()) != "[a b c]" || !got[0].came {
			t.Errorf("told %+v, want all that are gone", got)
		}
		a.put(checksPath, []consul.Check{}) // as it is
		time.Sleep(5 * time.Minute)
		if got := told[Signal](a); len(got) > 0 {
			t.Errorf("told %+v, and nothing changed", got)
		}
		asked := a.take(isChecks)
		for _, q := range asked[len(asked)-3:] {
			if q.index == 0 {
				t.Errorf("asked %+v, want it to wait for what is newer", q)
			}
		}
	})
}

// What a signal names is read at once, if it has no query that tells; nobody else is.
func TestWhatASignalNamesIsReadAtOnce(t *testing.T) {
	inTime(t, short, func(t *testing.T, a *asking) {
		all := a.watching("a", "b", "c", "d")
		a.Complete()
		time.Sleep(5 * time.Second)
		read := func(s Signal, on ...*Service) (names []string) {
			a.take(isService)
			a.ReadSignalled(s, func(s *Service, nodes map[string]struct{}) bool {
				_, n := nodes["n"]
				return n && slices.Contains(on, s)
			})
			for _, q := range a.take(isService) {
				names = append(names, q.path[len(healthPath):])
			}
			slices.Sort(names)
			return names
		}
		some := func(names ...string) map[string]struct{} {
			m := map[string]struct{}{}
			for _, n := range names {
				m[n] = struct{}{}
			}
			return m
		}
		for _, c := range []struct {
			signal Signal
			on     []*Service
			want   string
		}{
			{Signal{services: some("b")}, nil, "[b]"},
			{Signal{services: some("a", "unknown")}, nil, "[]"}, // a has a query
			{Signal{services: some("b", "c"), nodes: some("m")}, all, "[b c]"},
			{Signal{services: some("b"), nodes: some("n", "m")}, all[1:3], "[b c]"},
			{Signal{nodes: some("n")}, all, "[b c d]"},
		} {
			before := metricstest.Sum(t, a.metrics, "legate_consul_signals_total")
			got := read(c.signal, c.on...)
			if fmt.Sprint(got) != c.want {
				t.Errorf("%+v: read %v, want %v", c.signal, got, c.want)
			}
			if n := metricstest.Sum(t, a.metrics, "legate_consul_signals_total") - before; n != float64(len(got)) {
				t.Errorf("%+v: %v are counted of %d", c.signal, n, len(got))
			}
			time.Sleep(5*time.Second + 10*time.Millisecond)
		}
	})
}

// Where signals cannot be had the sweep is faster, and says so. What changed meanwhile is told when they
// are back. However long they failed, they are asked for soon when they fail again.
func TestSignalsThatFail(t *testing.T) {
	for _, c := range []struct {
		kind  string
		spoil spoiler
	}{
		{"denied", refuse(403)},
		{"doubtful", func(question) (*http.Response, error) { return consultest.Answer(200, 1, "[]"), nil }},
	} {
		inTime(t, short, func(t *testing.T, a *asking) {
			a.checks(map[string]string{"a": "passing", "b": "passing"}, "passing")
			a.watching("a", "b", "c", "d")
			a.Complete()
			for n := range 2 {
				a.checks(map[string]string{"a": "passing", "b": "passing", "c": fmt.Sprint(n)}, "passing")
				time.Sleep(restful)
				a.spoilWith(only(isChecks, c.spoil))
				time.Sleep(10 * time.Minute)
				if s := a.Status(); s.Mode != "sweep" || s.Connected || s.Problems[0].Kind != c.kind && s.Problems[1].Kind != c.kind {
					t.Errorf("%s: status %+v", c.kind, s)
				}
				if tries := len(a.take(isChecks)); tries < 10 || tries > 200 {
					t.Errorf("%s: asked %d times in 10 minutes", c.kind, tries)
				}
				if failed := metricstest.Sum(t, a.metrics, "legate_consul_queries_total", c.kind); failed < 10 {
					t.Errorf("%s: %v are counted", c.kind, failed)
				}
				told[Signal](a)
				a.checks(map[string]string{"a": "passing", "b": fmt.Sprint(n), "c": fmt.Sprint(n)}, "passing")
				a.spoilWith(nil)
				time.Sleep(31 * time.Second)
				if got := told[Signal](a); len(got) != 1 || fmt.Sprint(got[0].names()) != "[b]" {
					t.Errorf("%s: when they were back: %+v", c.kind, got)
				}
				if s := a.Status(); s.Mode != "signals" || !s.Connected {
					t.Errorf("%s: status %+v", c.kind, s)
				}
				if asked := a.take(isChecks); asked[len(asked)-2].index != 0 {
					t.Errorf("%s: asked %+v, want it asked from the start", c.kind, asked)
				}
				a.checks(map[string]string{"a": "passing", "b": "passing", "c": fmt.Sprint(n)}, "passing")
				time.Sleep(restful)
				a.take(isChecks)
				a.spoilWith(only(isChecks, c.spoil))
				time.Sleep(time.Millisecond)
				a.spoilWith(nil)
				time.Sleep(a.cfg.BackoffMin)
				if len(a.take(isChecks)) == 0 {
					t.Errorf("%s: not asked for within %v after a first failure", c.kind, a.cfg.BackoffMin)
				}
				time.Sleep(time.Minute)
			}
		})
	}
}

// The query over all checks is asked while there is a service without a connection, and not otherwise; nothing of it
// stays when there is none.
func TestSignalsAreForThoseWithoutAConnection(t *testing.T) {
	inTime(t, short, func(t *testing.T, a *asking) {
		a.checks(map[string]string{"a": "passing", "b": "passing"}, "passing")
		a.watching("a")
		a.Complete()
		time.Sleep(time.Minute)
		if n := len(a.take(isChecks)); n > 0 || a.Status().Mode != "direct" {
			t.Errorf("asked %d times although each service has a query", n)
		}
		for range 3 {
			b := a.watching("b")[0]
			if n := len(a.take(isChecks)); n == 0 {
				t.Error("not asked although one service has none")
			}
			time.Sleep(2 * time.Second)
			a.spoilWith(only(isChecks, refuse(403)))
			time.Sleep(time.Second)
			a.Unwatch(b, time.Now())
			a.Schedule()
			time.Sleep(31 * time.Second)
			a.spoilWith(nil)
			a.take(isChecks)
			time.Sleep(5 * time.Minute)
			if n := len(a.take(isChecks)); n > 0 {
				t.Errorf("asked %d times after each service had a query again", n)
			}
			if s := a.Status(); s.Mode != "direct" || !s.Connected {
				t.Errorf("status: %+v", s)
			}
			told[Signal](a)
			a.checks(map[string]string{"a": "passing", "b": time.Now().String()}, "passing")
		}
		a.spoilWith(only(isChecks, hang))
		a.watching("b")
		time.Sleep(time.Second)
		if s := a.Status(); s.Mode != "sweep" {
			t.Errorf("before signals are there: status %+v", s)
		}
		a.spoilWith(nil)
		time.Sleep(time.Minute)
		if got := told[Signal](a); len(got) > 0 || a.Status().Mode != "signals" {
			t.Errorf("what changed while nobody needed it is told: %+v", got)
		}
	})
}

// Signals that cost Consul much are asked for less often.
func TestSignalsThatCostMuchAreAskedForLessOften(t *testing.T) {
	inTime(t, short, func(t *testing.T, a *asking) {
		a.spoilWith(only(isChecks, slowly(400*time.Millisecond)))
		a.checks(nil, "passing")
		a.watching("a", "b")
		a.Complete()
		for n := range 600 {
			a.checks(nil, fmt.Sprint(n))
			time.Sleep(100 * time.Millisecond)
		}
		if n := len(a.take(isChecks)); n < 12 || n > 16 {
			t.Errorf("asked %d times in a minute where an answer takes 0.4 s, want one in 4.4 s", n)
		}
		synctest.Wait()
	})
}

// Instances that come or go, so that the index of the list moves and its names do not, are named by a signal, or else one
// round is fast.
func TestWhatNoSignalNamesIsLookedForInOneFastRound(t *testing.T) {
	inTime(t, shortAndSlow, func(t *testing.T, a *asking) {
		a.checks(nil, "passing")
		a.watching("a", "b", "c", "d")
		a.Complete()
		time.Sleep(time.Minute)
		for _, c := range []struct {
			name string
			told func()
			wait time.Duration // after it
			fast bool
		}{
			{"no signal", func() {}, 0, true},
			{"a signal of what came", func() { a.ReadSignalled(Signal{came: true}, nil) }, 3*signalEvery - time.Millisecond, false},
			{"a signal of a status", func() { a.ReadSignalled(Signal{}, nil) }, time.Second, true},
			{"a signal of what came, long ago", func() { a.ReadSignalled(Signal{came: true}, nil) }, 3 * signalEvery, true},
		} {
			a.listing.restart() // so that the query for the list waits now, and not for the end of a pause
			c.told()
			time.Sleep(max(c.wait, 2*time.Second))
			a.take(isService)
			a.list() // as before
			if time.Sleep(time.Second); len(a.take(polls)) >= 3 != c.fast {
				t.Errorf("%s: a fast round %v, want %v", c.name, !c.fast, c.fast)
			}
			time.Sleep(10 * time.Second)
		}
	})
}
