package e2e_test

import (
	"errors"
	"maps"
	"testing"
	"time"

	"legate/internal/parts"
)

// Consul goes away and comes back with its data: the last believed catalog is served all the time,
// and later changes are seen.
func TestTrafficGoesOnWhileConsulIsAway(t *testing.T) {
	t.Parallel()
	again := func(t *testing.T, c *parts.Consul) error { return c.Start(t.Context()) }
	for name, do := range map[string]struct {
		end     func(*parts.Consul) error
		back    func(*testing.T, *parts.Consul) error
		noticed bool // false: a frozen Consul looks like one without news
	}{
		"stopped": {(*parts.Consul).Stop, again, true},
		"killed":  {(*parts.Consul).Kill, again, true},
		"frozen":  {(*parts.Consul).Pause, func(_ *testing.T, c *parts.Consul) error { return c.Continue() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, parts.ConsulOptions{Persistent: true})
			s.register(t, "shop", "shop-1", 1)
			s.register(t, "shop", "shop-2", 1)
			s.serve(t, []way{adsDelta, adsSotW}, "shop")
			s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1", "shop-2") })
			var flows []*flow
			for _, e := range s.envoys {
				flows = append(flows, visit(t, e, "shop"))
			}

			if err := do.end(s.consul); err != nil {
				t.Fatal(err)
			}
			eventually(t, func() error {
				if do.noticed && s.legate.status(t).Consul.Connected {
					return errors.New("legate does not notice that consul is away")
				}
				return nil
			})
			for i, e := range s.envoys {
				flows[i].goesOn(t)
				if err := e.answers("shop", "shop-1", "shop-2"); err != nil {
					t.Errorf("%s, consul being away: %v", e.way.name, err)
				}
			}
			if _, err := s.legate.get("/readyz"); err != nil {
				t.Errorf("consul being away: %v", err)
			}

			if err := do.back(t, s.consul); err != nil {
				t.Fatal(err)
			}
			s.register(t, "shop", "shop-3", 1)
			began := time.Now()
			s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1", "shop-2", "shop-3") })
			t.Logf("the first change after consul was back reached every envoy within %v", time.Since(began))
			for _, f := range flows {
				f.goesOn(t)
			}
		})
	}
}

// Legate goes away and comes back on the same address. Envoys keep what they have. When they are
// sent the same again, they rebuild nothing and drop no connection. Only what has changed meanwhile
// reaches them.
func TestTrafficGoesOnWhileLegateIsAway(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*legate, testing.TB){
		"stopped": (*legate).stop,
		"killed":  (*legate).kill,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, parts.ConsulOptions{})
			s.register(t, "shop", "shop-1", 1)
			b := s.backend(t, "named-1", "127.0.0.1:0")
			s.registerAs(t, parts.Instance{ID: "named-1", Service: "named", Address: "localhost", Port: b.Port})
			s.serve(t, []way{adsDelta, adsSotW, cdsDelta, cdsSotW}, "shop", "named", "new")
			s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1") })
			s.everywhere(t, func(e *envoy) error { return e.answers("named", "named-1") })
			var flows []*flow
			before := make(map[*envoy]map[string]int)
			for _, e := range s.envoys {
				flows = append(flows, visit(t, e, "shop"), visit(t, e, "named"))
				before[e] = e.rebuilt(t)
				if e.stat(t, "cluster.shop.upstream_cx_total") == 0 || e.stat(t, "cluster.named.upstream_cx_total") == 0 {
					t.Fatalf("%s: no connections that could be dropped", e.way.name)
				}
			}

			end(s.legate, t)
			for _, f := range flows {
				f.goesOn(t)
			}
			s.register(t, "new", "new-1", 1) // no Envoy knows it yet
			began := time.Now()
			s.legate.launch(t)
			s.legate.awaitReady(t)
			t.Logf("ready again after %v", time.Since(began))

			s.everywhere(t, func(e *envoy) error { return e.answers("new", "new-1") })
			t.Logf("every envoy had asked again, and heard of the change, after %v", time.Since(began))
			for _, f := range flows {
				f.goesOn(t)
			}
			for _, e := range s.envoys {
				after := e.rebuilt(t)
				if !maps.Equal(after, before[e]) {
					t.Errorf("%s: rebuilt, dropped or warming: before the restart %v, after it %v", e.way.name, before[e], after)
				}
				if added := e.stat(t, "cluster_manager.cluster_added"); added != 4 { // Legate's own cluster, shop, named, new
					t.Errorf("%s: added %d clusters in all, want 4", e.way.name, added)
				}
			}
		})
	}
}

// rebuilt returns the counters and gauges that change when Envoy rebuilds a cluster, waits for its
// endpoints or drops connections to them.
func (e *envoy) rebuilt(t testing.TB) map[string]int {
	t.Helper()
	got := make(map[string]int)
	for _, name := range []string{
		"cluster_manager.cluster_modified", "cluster_manager.cluster_removed", "cluster_manager.warming_clusters",
		"cluster.shop.upstream_cx_destroy", "cluster.shop.membership_change",
		"cluster.named.upstream_cx_destroy", "cluster.named.membership_change",
	} {
		got[name] = e.stat(t, name)
	}
	if e.way.mode == "delta" { // it sends the versions that it has, and they are current
		const answers = "cluster.shop.update_success"
		got[answers] = e.stat(t, answers)
	}
	return got
}
