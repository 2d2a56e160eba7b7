package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// datacenters is a stage with three federated datacenters and a peer. Legate and Envoy are in dc1.
type datacenters struct {
	*stage           // dc1
	dc2, dc3, abroad *stage
	federation       *parts.Federation
}

// peer is the name that dc1 gives its peer.
const peer = "cluster01"

func newDatacenters(t testing.TB) *datacenters {
	t.Helper()
	f := partstest.Federation(t, parts.FederationOptions{Peer: peer})
	at := func(c *parts.Consul) *stage { return &stage{consul: c, backends: map[string]*parts.Backend{}} }
	d := &datacenters{stage: at(f.In("dc1")), dc2: at(f.In("dc2")), dc3: at(f.In("dc3")), abroad: at(f.Peer), federation: f}
	for i := range 20 { // so that a story's losses are few of the datacenter's
		for _, s := range []*stage{d.stage, d.dc2, d.dc3} {
			s.registerAs(t, parts.Instance{ID: fmt.Sprintf("ballast-%d", i), Service: "ballast", Address: "127.0.0.1", Port: 9})
		}
	}
	return d
}

// farStory shows what is served of other datacenters and of peers.
type farStory struct {
	name     string
	routes   []string // clusters that Envoy has a listener for
	rules    string   // of the policy file
	exports  []string // services that the peer exports
	register func(t *testing.T, d *datacenters)
	show     func(t *testing.T, d *datacenters)
	last     bool // it disturbs the others
}

// TestTheNearestHealthyEndpointWhereverItIs: three datacenters and a peer, one Legate with one policy
// file, one Envoy under steady traffic. Each story has services of its own. No request fails.
func TestTheNearestHealthyEndpointWhereverItIs(t *testing.T) {
	t.Parallel()
	stories := []farStory{
		diesOneByOne(), diesGradually(), askedForByName(), movesAway(),
		emptiedWhileChecked("booth", "empty"), emptiedWhileChecked("kiosk", "degraded"), movesAwayChecked(),
		subsetsResolved(), redirected(), failsOverAsResolved(), peeringRemade(), datacenterKilled(),
	}
	d := newDatacenters(t)
	var routes, exports []string
	rules := "services:\n"
	for _, story := range stories {
		routes, exports = append(routes, story.routes...), append(exports, story.exports...)
		rules += story.rules
		story.register(t, d)
	}
	must(t, d.federation.Export(t.Context(), exports...))
	file := filepath.Join(t.TempDir(), "policy.yaml")
	must(t, os.WriteFile(file, []byte(rules), 0o600))
	d.legate = startLegate(t, d.consul, "--policy", file, "--datacenters", "all", "--peers", "all", "--state-dir", filepath.Join(t.TempDir(), "state"),
		// A datacenter that comes back with smaller indexes may be heard only after a wait is over.
		"--consul-wait", "5s")
	d.envoys = append(d.envoys, startEnvoy(t, d.legate, adsDelta, routes...))

	t.Run("side by side", func(t *testing.T) {
		for _, story := range stories {
			if !story.last {
				t.Run(story.name, func(t *testing.T) { t.Parallel(); story.show(t, d) })
			}
		}
	})
	for _, story := range stories {
		if story.last {
			t.Run(story.name, func(t *testing.T) { story.show(t, d) })
		}
	}
	for _, problem := range d.legate.status(t).Problems {
		t.Errorf("problem %s of %s", problem.Reason, problem.Service)
	}
	if n := d.envoys[0].stat(t, "cluster_manager.cds.update_rejected"); n > 0 {
		t.Errorf("envoy rejected %d updates of clusters", n)
	}
}

// answered waits until exactly these instances answer for the cluster.
func (d *datacenters) answered(t *testing.T, cluster string, instances ...string) {
	t.Helper()
	eventually(t, func() error { return d.envoys[0].answers(cluster, instances...) })
}

// dies turns an instance critical, and stops it once traffic has left it for these.
func (d *datacenters) dies(t *testing.T, at *stage, cluster, instance string, left ...string) {
	t.Helper()
	at.setHealth(t, instance, "critical")
	d.answered(t, cluster, left...)
	must(t, at.running(instance).Close())
}

// revives starts an instance again, and turns it passing.
func (s *stage) revives(t *testing.T, instance string) {
	t.Helper()
	s.restart(t, instance)
	s.setHealth(t, instance, "passing")
}

// The local instances of a service die one by one. All traffic stays here until the last one goes, is
// then in dc2, when that goes, too, in dc3, and here again with the first that comes back.
func diesOneByOne() farStory {
	return farStory{
		name: "local instances die one by one", routes: []string{"till"},
		// With so high a threshold, Envoy would use dead instances here before it used those elsewhere, if it panicked.
		rules: "- match: {names: [till]}\n  failover: [dc2, dc3]\n  failover_when: empty\n  healthy_panic_threshold: 90%\n",
		register: func(t *testing.T, d *datacenters) {
			d.registerSome(t, "till", 3)
			d.dc2.register(t, "till", "till-dc2", 1)
			d.dc3.register(t, "till", "till-dc3", 1)
		},
		show: func(t *testing.T, d *datacenters) {
			d.answered(t, "till", "till-1", "till-2", "till-3")
			f := visit(t, d.envoys[0], "till")
			d.dies(t, d.stage, "till", "till-1", "till-2", "till-3")
			d.dies(t, d.stage, "till", "till-2", "till-3")
			d.dies(t, d.stage, "till", "till-3", "till-dc2")
			d.dies(t, d.dc2, "till", "till-dc2", "till-dc3")
			f.goesOn(t)
			d.revives(t, "till-2")
			d.answered(t, "till", "till-2")
			f.goesOn(t)
		},
	}
}

// With degraded, traffic moves bit by bit: four of five are enough, two of five are not.
func diesGradually() farStory {
	return farStory{
		name: "local instances degrade", routes: []string{"desk"},
		rules: "- match: {names: [desk]}\n  failover: [dc2]\n  failover_when: degraded\n",
		register: func(t *testing.T, d *datacenters) {
			d.registerSome(t, "desk", 5)
			d.dc2.register(t, "desk", "desk-dc2", 1)
		},
		show: func(t *testing.T, d *datacenters) {
			d.answered(t, "desk", "desk-1", "desk-2", "desk-3", "desk-4", "desk-5")
			f := visit(t, d.envoys[0], "desk")
			d.dies(t, d.stage, "desk", "desk-1", "desk-2", "desk-3", "desk-4", "desk-5")
			d.setHealth(t, "desk-2", "critical")
			d.setHealth(t, "desk-3", "critical")
			d.answered(t, "desk", "desk-4", "desk-5", "desk-dc2")
			by, err := d.envoys[0].count("desk", 200)
			must(t, err)
			if far := by["desk-dc2"]; far < 40 || far > 140 { // 44 % are expected: 2/5 of the instances, times 1.4, stay
				t.Errorf("%d of 200 requests went to dc2: %v", far, by)
			}
			d.setHealth(t, "desk-2", "passing")
			d.setHealth(t, "desk-3", "passing")
			d.answered(t, "desk", "desk-2", "desk-3", "desk-4", "desk-5")
			f.goesOn(t)
		},
	}
}

// Services of other datacenters and of peers have names of their own; one that exists elsewhere only
// is served from there, under its own name, too.
func askedForByName() farStory {
	return farStory{
		name: "asked for by name", routes: []string{"books", "books.dc2", "books." + peer + ".peer", "atlas", "atlas.dc3"},
		rules:   "- match: {names: [atlas]}\n  failover: [dc3]\n",
		exports: []string{"books"},
		register: func(t *testing.T, d *datacenters) {
			d.register(t, "books", "books-dc1", 1)
			d.dc2.register(t, "books", "books-dc2", 1)
			d.abroad.register(t, "books", "books-peer", 1)
			d.dc3.register(t, "atlas", "atlas-dc3", 1)
		},
		show: func(t *testing.T, d *datacenters) {
			d.answered(t, "books", "books-dc1")
			d.answered(t, "books.dc2", "books-dc2")
			d.answered(t, "books."+peer+".peer", "books-peer")
			d.answered(t, "atlas", "atlas-dc3")
			d.answered(t, "atlas.dc3", "atlas-dc3")
		},
	}
}

// A service moves from dc1 to dc2 during traffic: its new instances are registered there, and the old ones
// deregistered here.
func movesAway() farStory {
	return farStory{
		name: "a service moves to another datacenter", routes: []string{"mover"},
		rules:    "- match: {names: [mover]}\n  failover: nearest\n",
		register: func(t *testing.T, d *datacenters) { d.registerSome(t, "mover", 2) },
		show: func(t *testing.T, d *datacenters) {
			d.answered(t, "mover", "mover-1", "mover-2")
			f := visit(t, d.envoys[0], "mover")
			d.dc2.register(t, "mover", "mover-new", 1)
			d.deregister(t, "mover-1")
			d.answered(t, "mover", "mover-2")
			d.deregister(t, "mover-2")
			d.answered(t, "mover", "mover-new")
			f.goesOn(t)
		},
	}
}

// A peering is deleted and made again. Meanwhile Consul says that the peer has nothing.
func peeringRemade() farStory {
	const far = "maps." + peer + ".peer"
	return farStory{
		name: "a peering is deleted and made again", routes: []string{far, "maps"}, exports: []string{"maps"},
		rules: "- match: {names: [maps]}\n  failover: [" + peer + ".peer]\n",
		register: func(t *testing.T, d *datacenters) {
			d.register(t, "maps", "maps-dc1", 1)
			d.abroad.register(t, "maps", "maps-peer", 1)
		},
		show: func(t *testing.T, d *datacenters) {
			d.answered(t, far, "maps-peer")
			d.dies(t, d.stage, "maps", "maps-dc1", "maps-peer")
			flows := []*flow{visit(t, d.envoys[0], far), visit(t, d.envoys[0], "maps")}
			must(t, d.federation.Forsake(t.Context()))
			must(t, d.federation.Establish(t.Context()))
			d.abroad.register(t, "maps", "maps-new", 1)
			d.answered(t, far, "maps-peer", "maps-new")
			for _, f := range flows {
				f.goesOn(t)
			}
		},
		last: true, // the other imported service would vanish, too
	}
}

// dc2 is killed while traffic is there. Legate is restarted without it, and serves an Envoy that is new from its last
// known part.
func datacenterKilled() farStory {
	return farStory{
		name: "a datacenter is killed, and Legate restarted", routes: []string{"harbour", "harbour.dc2"},
		rules: "- match: {names: [harbour]}\n  failover: [dc2, dc3]\n",
		register: func(t *testing.T, d *datacenters) {
			d.register(t, "harbour", "harbour-dc1", 1)
			d.dc2.register(t, "harbour", "harbour-dc2", 1)
			d.dc3.register(t, "harbour", "harbour-dc3", 1)
		},
		show: func(t *testing.T, d *datacenters) {
			d.answered(t, "harbour.dc2", "harbour-dc2")
			d.dies(t, d.stage, "harbour", "harbour-dc1", "harbour-dc2")
			flows := []*flow{visit(t, d.envoys[0], "harbour"), visit(t, d.envoys[0], "harbour.dc2")}
			must(t, d.dc2.consul.Kill())
			d.dc3.register(t, "harbour", "harbour-dc3b", 1) // others are heard meanwhile
			eventually(t, func() error { return d.envoys[0].knows("harbour", d.dc3.running("harbour-dc3b").Addr) })
			d.answered(t, "harbour", "harbour-dc2")

			d.legate.stop(t)
			d.legate.launch(t)
			d.legate.awaitReady(t)
			fresh := startEnvoy(t, d.legate, way{name: "fresh", mode: "delta", cds: true}, "harbour", "harbour.dc2")
			eventually(t, func() error { return fresh.answers("harbour", "harbour-dc2") })
			eventually(t, func() error { return fresh.answers("harbour.dc2", "harbour-dc2") })

			must(t, d.dc2.consul.Start(t.Context())) // it has forgotten everything
			d.dc2.register(t, "harbour", "harbour-dc2", 1)
			d.dc2.register(t, "harbour", "harbour-dc2b", 1)
			d.answered(t, "harbour.dc2", "harbour-dc2", "harbour-dc2b")
			d.revives(t, "harbour-dc1")
			d.answered(t, "harbour", "harbour-dc1")
			for _, f := range flows {
				f.goesOn(t)
			}
		},
		last: true,
	}
}

// knows returns an error unless Envoy has the endpoint.
func (e *envoy) knows(cluster, addr string) error {
	endpoints, err := e.endpoints(cluster)
	if err == nil {
		if _, ok := endpoints[addr]; !ok {
			err = fmt.Errorf("envoy does not have %s of %s", addr, strings.TrimSpace(cluster))
		}
	}
	return err
}
