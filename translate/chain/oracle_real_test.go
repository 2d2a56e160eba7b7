package chain

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/hashicorp/consul/api"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// TestRealTargetsAreThoseOfConsulsDiscoveryChain writes random resolvers into a real Consul, as far as it accepts
// them, and has it compile the chain of each service and of each subset: the targets are the same, in the same
// order. LEGATE_CHAINS says how many sets of resolvers there are.
func TestRealTargetsAreThoseOfConsulsDiscoveryChain(t *testing.T) {
	t.Parallel()
	sets := 25
	if more := os.Getenv("LEGATE_CHAINS"); more != "" {
		var err error
		if sets, err = strconv.Atoi(more); err != nil {
			t.Fatal(err)
		}
	}
	o := newOracle(t)
	// Consul has a router lead to subsets, and routers need a protocol.
	o.must(o.set(&api.ProxyConfigEntry{Kind: api.ProxyDefaults, Name: api.ProxyConfigGlobal, Config: map[string]any{"protocol": "http"}}))
	accepted, chains, beyond := 0, 0, 0
	for n := range sets {
		w := world{rand.New(rand.NewPCG(14, uint64(n))), fmt.Sprintf("s%d-", n)}
		all, entries := w.resolvers(), map[catalog.EntryKey]catalog.Entry{}
		for _, e := range slices.Concat(all, all) { // one that lacked another's subset is accepted the second time
			if o.set(written(e)) == nil {
				entries[e.Key] = e
			}
		}
		accepted += len(entries)
		there := o.resolvers()
		for key, e := range entries {
			if !e.Equal(there[key]) {
				t.Errorf("set %d: wrote %+v, read %+v", n, e, there[key])
			}
		}
		read := func(k catalog.EntryKey) (catalog.Entry, bool) { e, is := entries[k]; return e, is }
		for _, service := range w.services() {
			asked := []string{""}
			for subset := range Subsets(read, service) {
				asked = append(asked, subset)
			}
			slices.Sort(asked)
			for _, subset := range asked {
				got := Of(read, "dc1", service, subset)
				want, err := o.chain(service, subset)
				chains++
				if len(want) > 1 {
					beyond++
				}
				if err != nil && len(got.Problems) == 0 || err == nil && !slices.Equal(got.Targets, want) {
					t.Errorf("set %d: %s, subset %q, has the targets\n%+v\nConsul has\n%+v (%v)\nof %+v", n, service, subset, got.Targets, want, err, entries[Key(service)])
				}
			}
		}
		if t.Failed() {
			break
		}
	}
	t.Logf("%d resolvers; %d chains, %d with failover", accepted, chains, beyond)
	if accepted < 3*sets || beyond < chains/5 {
		t.Error("this says little")
	}
}

// oracle is a Consul that is asked for its chains.
type oracle struct {
	t      *testing.T
	c      *parts.Consul
	client *consul.Client // Legate's
}

func newOracle(t *testing.T) oracle {
	o := oracle{t: t, c: partstest.Consul(t, parts.ConsulOptions{})}
	cfg := consul.DefaultConfig()
	cfg.Address = o.c.Addr
	var err error
	o.client, err = consul.New(cfg, slog.New(slog.DiscardHandler), nil)
	o.must(err)
	return o
}

func (o oracle) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o oracle) set(e api.ConfigEntry) error {
	_, _, err := o.c.Client().ConfigEntries().Set(e, nil)
	return err
}

// resolvers are what Consul has, as Legate reads it.
func (o oracle) resolvers() map[catalog.EntryKey]catalog.Entry {
	all, _, err := o.client.Entries(o.t.Context(), catalog.ServiceResolver, consul.Question{})
	o.must(err)
	entries := map[catalog.EntryKey]catalog.Entry{}
	for _, e := range all {
		entries[e.Key] = e
	}
	return entries
}

// chain is what Consul compiles, or why it does not. Nobody can ask it for a subset, except by way of a router.
func (o oracle) chain(service, subset string) (targets []Target, err error) {
	ask := service
	if subset != "" {
		ask = "ask-" + subset + "-" + service
		err := o.set(&api.ServiceRouterConfigEntry{Kind: api.ServiceRouter, Name: ask, Routes: []api.ServiceRoute{{
			Match:       &api.ServiceRouteMatch{HTTP: &api.ServiceRouteHTTPMatch{PathPrefix: "/subset"}},
			Destination: &api.ServiceRouteDestination{Service: service, ServiceSubset: subset}}}})
		if err != nil {
			return nil, err
		}
	}
	var answer struct {
		Chain struct {
			StartNode string
			Nodes     map[string]struct {
				Routes   []struct{ NextNode string }
				Resolver struct {
					Target   string
					Failover struct{ Targets []string }
				}
			}
			Targets map[string]struct {
				Service, ServiceSubset, Datacenter, Peer string
				Subset                                   catalog.Subset
			}
		}
	}
	r, err := http.Get(o.c.URL() + "/v1/discovery-chain/" + url.PathEscape(ask))
	o.must(err)
	defer r.Body.Close()
	o.must(json.NewDecoder(r.Body).Decode(&answer))
	node := answer.Chain.Nodes[answer.Chain.StartNode]
	if subset != "" {
		node = answer.Chain.Nodes[node.Routes[0].NextNode]
	}
	for _, id := range append([]string{node.Resolver.Target}, node.Resolver.Failover.Targets...) {
		is := answer.Chain.Targets[id]
		one := Target{is.Service, is.ServiceSubset, is.Datacenter, is.Peer, is.Subset}
		if !contains(targets, one) { // Consul tries it twice, which is the same as once
			targets = append(targets, one)
		}
	}
	return targets, nil
}
