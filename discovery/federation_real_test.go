package discovery

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/discovery/catalog"
	"legate/internal/logtest"
	"legate/internal/parts"
	"legate/internal/parts/partstest"
	"legate/metrics"
)

// federated runs a Federation and folds what it hands out.
type federated struct {
	*Federation
	t   *testing.T
	log *logtest.Buffer
	end func() error

	mu      sync.Mutex
	catalog catalog.Catalog
	deltas  []catalog.Delta
}

// federate watches several sites until the test ends.
func federate(t *testing.T, f *Federation, log *logtest.Buffer) *federated {
	t.Helper()
	r := &federated{Federation: f, t: t, log: log}
	ctx, cancel := context.WithCancel(context.Background())
	out, ended := make(chan catalog.Delta), make(chan error, 1)
	go func() {
		ended <- f.Run(ctx, out)
		close(out)
	}()
	folded := make(chan struct{})
	go func() {
		defer close(folded)
		for d := range out {
			r.mu.Lock()
			r.catalog = r.catalog.Apply(d)
			r.deltas = append(r.deltas, d)
			first := len(r.deltas) == 1
			r.mu.Unlock()
			if first {
				r.Served()
			}
		}
	}()
	r.end = sync.OnceValue(func() error {
		cancel()
		<-folded
		return <-ended
	})
	t.Cleanup(func() {
		if err := r.end(); err != nil {
			t.Errorf("Run: %v", err)
		}
		if t.Failed() {
			t.Logf("status: %+v\nlog:\n%s", r.Status(), r.log)
		}
	})
	return r
}

func federateReal(t *testing.T, cfg Config) *federated {
	t.Helper()
	log := &logtest.Buffer{}
	f, err := NewFederation(cfg, slog.New(slog.NewTextHandler(log, nil)), metrics.New(metrics.BuildInfo{}).Consul)
	must(t, err)
	return federate(t, f, log)
}

// now is the catalog, and how many Deltas it took.
func (r *federated) now() (catalog.Catalog, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.catalog, len(r.deltas)
}

// keys are the services with their numbers of instances.
func (r *federated) keys() (keys []string) {
	c, _ := r.now()
	for _, s := range (catalog.Catalog{}).Diff(c).Set {
		keys = append(keys, s.Key.Name+"."+s.Key.Site().String()+":"+string(rune('0'+len(s.Instances))))
	}
	return keys
}

func (r *federated) await(sentence string, want ...string) {
	r.t.Helper()
	var keys []string
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, n := r.now(); n > 0 {
			if keys = r.keys(); slices.Equal(keys, want) {
				return
			}
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("not within 20 s: %s: %q, want %q", sentence, keys, want)
		}
	}
}

func TestADatacenterAndAPeerAreFollowedBesideTheOwnOne(t *testing.T) {
	t.Parallel()
	all := partstest.Federation(t, parts.FederationOptions{Datacenters: []string{"dc1", "dc2"}, Peer: "cluster01"})
	dc1, dc2 := all.Consuls[0], all.Consuls[1]
	web := func(c *parts.Consul, id string) {
		register(t, c, "n-"+id, "10.0.0.1", &api.AgentService{Service: "web", ID: id, Port: 80}, &api.AgentCheck{CheckID: "c", Status: "passing"})
	}
	web(dc1, "a")
	web(dc2, "b")
	web(all.Peer, "c")
	register(t, all.Peer, "n-x", "10.0.0.1", &api.AgentService{Service: "secret", ID: "x", Port: 80})
	must(t, all.Export(t.Context(), "web"))
	cfg := configFor(dc1)
	cfg.Datacenters, cfg.Peers, cfg.SiteWait = []string{"dc1", "dc2"}, []string{"cluster01"}, 20*time.Second
	r := federateReal(t, cfg)
	r.await("all have web, and the peer what it exports", "web.dc1:1", "web.cluster01.peer:1", "web.dc2:1")
	if _, n := r.now(); n > 2 { // the peer's name may take a moment to be exported
		t.Errorf("%d Deltas", n)
	}
	web(dc2, "b2")
	r.await("an instance joins in dc2", "web.dc1:1", "web.cluster01.peer:1", "web.dc2:2")
	web(all.Peer, "c2")
	r.await("and one of the peer's", "web.dc1:1", "web.cluster01.peer:2", "web.dc2:2")
	must(t, all.Export(t.Context(), "web", "secret"))
	r.await("the peer exports another service", "web.dc1:1", "secret.cluster01.peer:1", "web.cluster01.peer:2", "web.dc2:2")

	must(t, dc2.Kill())
	eventually(t, "that shows in the status", func() bool { return len(r.Status().Sites) == 2 && r.Status().Sites[1].Stale })
	web(dc1, "a2")
	r.await("dc1 goes on while dc2 is away, and dc2 keeps what it had", "web.dc1:2", "secret.cluster01.peer:1", "web.cluster01.peer:2", "web.dc2:2")
	s := r.Status()
	if !s.Connected || s.Sites[0].Site() != (catalog.Site{Datacenter: "dc1", Peer: "cluster01"}) || s.Sites[0].Stale || s.Sites[1].Services != 1 || len(s.Problems) != 1 || s.Problems[0].Kind != "site" {
		t.Errorf("%+v", s)
	}
}
