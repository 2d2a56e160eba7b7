package discovery

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
	"legate/internal/consultest"
	"legate/internal/logtest"
	"legate/metrics"
)

// peeringPath is where the agent tells of a peering. It names the peer in the path, not in the query.
const peeringPath = "/v1/peering/"

// fakeSites is one agent's transport to several datacenters and peers, each of which a fakeConsul stands for.
type fakeSites struct {
	own *fakeConsul

	mu          sync.Mutex
	datacenters []string // as the agent lists them
	others      map[string]*fakeConsul
	peers       map[string]*fakeConsul
	peerings    map[string]int  // how often each peer was peered with anew
	unpeered    map[string]bool // there is no peering with it now
	frozen      map[string]bool // does not answer; "dc2", or "cluster01.peer"
	denied      bool            // the token has no peering:read
	listsFail   bool
}

func newFakeSites(own *fakeConsul) *fakeSites {
	return &fakeSites{own: own, datacenters: []string{"dc1"}, others: map[string]*fakeConsul{}, peers: map[string]*fakeConsul{},
		peerings: map[string]int{}, unpeered: map[string]bool{}, frozen: map[string]bool{}}
}

// with adds a datacenter, listed last.
func (f *fakeSites) with(name string, c *fakeConsul) *fakeSites {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.datacenters = append(f.datacenters, name)
	f.others[name] = c
	return f
}

// peered adds a peer.
func (f *fakeSites) peered(name string, c *fakeConsul) *fakeSites {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.peers[name] = c
	return f
}

// list has the agent list these datacenters.
func (f *fakeSites) list(names ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.datacenters = names
}

func (f *fakeSites) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

// rebubble makes the channels of this bubble.
func (f *fakeSites) rebubble() {
	f.own.changed = make(chan struct{})
	for _, all := range []map[string]*fakeConsul{f.others, f.peers} {
		for _, c := range all {
			if c != nil {
				c.changed = make(chan struct{})
			}
		}
	}
}

func (f *fakeSites) RoundTrip(req *http.Request) (*http.Response, error) {
	q := req.URL.Query()
	dc, peer := q.Get("dc"), q.Get("peer")
	f.mu.Lock()
	datacenters, denied, fail := slices.Clone(f.datacenters), f.denied, f.listsFail
	asked := f.own
	site := dc
	if peer != "" {
		site, asked = peer+".peer", f.peers[peer]
	} else if dc != "" && dc != "dc1" {
		asked = f.others[dc]
	}
	listed := peer != "" || dc == "" || slices.Contains(datacenters, dc)
	frozen, peering, unpeered := f.frozen[site], f.peerings[peer], f.unpeered[peer]
	var peers []any
	for name := range f.peers {
		peers = append(peers, map[string]any{"Name": name})
	}
	f.mu.Unlock()
	path := req.URL.Path
	switch {
	case path == "/v1/catalog/datacenters" && fail:
		return consultest.Answer(500, 0, "No cluster leader"), nil
	case path == "/v1/catalog/datacenters":
		return consultest.Answer(200, 0, consultest.JSON(datacenters)), nil
	case denied && strings.HasPrefix(path, "/v1/peering"):
		return consultest.Answer(403, 0, "Permission denied: token lacks permission 'peering:read'"), nil
	case path == "/v1/peerings":
		return consultest.Answer(200, 5, consultest.JSON(append([]any{}, peers...))), nil
	case frozen:
		select {
		case <-time.After(40 * time.Second):
			return consultest.Answer(500, 0, "rpc error making call: i/o deadline reached"), nil
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	case asked == nil && peer != "", unpeered && strings.HasPrefix(path, peeringPath):
		return consultest.Answer(404, 0, "Peering not found"), nil
	case asked == nil || !listed:
		return consultest.Answer(500, 0, "No path to datacenter"), nil
	}
	if name, is := strings.CutPrefix(path, peeringPath); is {
		asked.mu.Lock()
		names := []string{}
		for service := range asked.entries {
			if service != catalog.ConsulService && asked.at["hidden/"+service] == 0 {
				names = append(names, service)
			}
		}
		asked.mu.Unlock()
		return consultest.Answer(200, 7, consultest.JSON(map[string]any{"ID": strconv.Itoa(peering), "Name": name, "StreamStatus": map[string]any{"ImportedServices": names}})), nil
	}
	resp, err := asked.RoundTrip(req)
	if err == nil && peer != "" && strings.HasPrefix(path, healthPath) { // what is imported says so
		body, _ := io.ReadAll(resp.Body)
		marked := strings.ReplaceAll(string(body), `"Node":{`, `"Node":{"Datacenter":"east","PeerName":"`+peer+`",`)
		resp.Body = io.NopCloser(strings.NewReader(marked))
	}
	return resp, err
}

// sitesConfig follows all there is, with the guard.
func sitesConfig() Config {
	cfg := guardedConfig()
	cfg.Datacenters, cfg.Peers = []string{All}, []string{All}
	return cfg
}

// federating runs a story about several sites on fake time.
func federating(t *testing.T, cfg Config, fake *fakeSites, prepare func(*Federation), story func(t *testing.T, r *federated)) {
	t.Helper()
	federatingOver(t, cfg, fake, fake, prepare, story)
}

func federatingOver(t *testing.T, cfg Config, fake *fakeSites, over http.RoundTripper, prepare func(*Federation), story func(t *testing.T, r *federated)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fake.rebubble()
		log := &logtest.Buffer{}
		f, err := newFederation(cfg, slog.New(slog.NewTextHandler(log, nil)), metrics.New(metrics.BuildInfo{}).Consul, over)
		must(t, err)
		if prepare != nil {
			prepare(f)
		}
		r := federate(t, f, log)
		synctest.Wait()
		story(t, r)
		if err := r.end(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// is fails unless the services are these, with their numbers of instances.
func (r *federated) is(sentence string, want ...string) {
	r.t.Helper()
	synctest.Wait()
	if keys := r.keys(); !slices.Equal(keys, want) {
		r.t.Errorf("%s: %q, want %q", sentence, keys, want)
	}
}

// order is what the reader has of the datacenters' order.
func (r *federated) order() []string {
	c, _ := r.now()
	return c.Entries[nearestKey()].Datacenters
}

func (r *federated) release(name string) int { return r.Release(context.Background(), name) }
