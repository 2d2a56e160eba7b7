package chaos_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// far are the datacenters dc2 and dc3 and a peer of a scene, whose Legate and Envoys are in dc1.
type far struct {
	*parts.Federation
	two, three, abroad *parts.Consul
	probes             int
	emptied            []byte // a snapshot of dc2 before anything was registered
}

// Services of a far scene. Those of dc1 are there, too, and besides: visited[0] is in each datacenter, elsewhere in dc2
// and dc3 only, foreign at the peer, and mobile in dc1 at first.
const (
	elsewhere = "books"
	foreign   = "maps"
	mobile    = "mover"
	peer      = "cluster01"
	ofFar     = 3 // instances of each service in each place
)

// farRules fail over as the names of the services above say, and flapping ones to the nearest.
const farRules = `services:
- match: {names: [shop, books, mover]}
  failover: [dc2, dc3]
- match: {names: [maps]}
  failover: [cluster01.peer]
- match: {names: [flap-*]}
  failover: nearest
`

// newFarScene has three federated datacenters and a peer, all of which Legate serves. The primary
// datacenter is not its own.
func newFarScene(t *testing.T) *scene {
	s := raiseFar(t, parts.ConsulOptions{Persistent: true})
	s.serveFar(t)
	return s
}

func raiseFar(t *testing.T, o parts.ConsulOptions) *scene {
	t.Helper()
	f := partstest.Federation(t, parts.FederationOptions{Primary: "dc3", Peer: peer, Consul: o})
	one := f.In("dc1")
	s := &scene{consul: one, servers: []*parts.Consul{one}, far: &far{Federation: f, two: f.In("dc2"), three: f.In("dc3"), abroad: f.Peer}}
	s.routes = []string{"shop", "cart", "shop.dc2", elsewhere, foreign + "." + peer + ".peer", foreign, mobile}
	var err error
	s.far.emptied, err = s.far.two.Snapshot(t.Context())
	must(t, err)
	s.plug(t)
	s.populate(t)
	for _, c := range []*parts.Consul{s.far.two, s.far.three, s.far.abroad} {
		must(t, s.registerFar(t, c))
	}
	must(t, s.far.Export(t.Context(), foreign, probed))
	for service, at := range map[string][]*parts.Consul{visited[0]: {s.far.two, s.far.three}, elsewhere: {s.far.two, s.far.three}, foreign: {s.far.abroad}} {
		for _, c := range at {
			addresses := s.addressesFar(service, c)
			s.base[service+"."+s.far.suffix(c)] = addresses
			s.base[service] = append(s.base[service], addresses...)
		}
	}
	must(t, s.registerFlappers(t, one))
	s.registerMobile(t)
	for i := range ofMobile { // backends end with the test that starts them, and every fault uses these
		s.backend(t, s.far.id(mobile, s.far.two, i))
	}
	return s
}

// serveFar starts Legate for all datacenters and peers, with farRules.
func (s *scene) serveFar(t *testing.T, args ...string) {
	t.Helper()
	rules := filepath.Join(t.TempDir(), "policy.yaml")
	must(t, os.WriteFile(rules, []byte(farRules), 0o600))
	s.serve(t, append([]string{"--consul-addr", s.wire.addr(), "--datacenters", "all", "--peers", "all", "--policy", rules}, args...)...)
}

// suffix is what the names of a Consul's services end with.
func (f *far) suffix(c *parts.Consul) string {
	if c == f.abroad {
		return peer + ".peer"
	}
	return c.Datacenter
}

// idFar is the id of an instance; its backend is named so, too.
func (f *far) id(service string, c *parts.Consul, n any) string {
	return fmt.Sprintf("%s-%s-%v", service, f.suffix(c), n)
}

func (s *scene) addressesFar(service string, c *parts.Consul) (addresses []string) {
	for i := range ofFar {
		addresses = append(addresses, s.backends[s.far.id(service, c, i)].Addr)
	}
	return addresses
}

// registerFar registers what a Consul other than dc1's must never lose, and what the probes are. It may be called again.
func (s *scene) registerFar(t testing.TB, c *parts.Consul) error {
	services := []string{visited[0], elsewhere, probed}
	if c == s.far.abroad {
		services = []string{foreign, probed}
	} else if err := s.registerFlappers(t, c); err != nil {
		return err
	}
	for _, service := range services {
		for i := range ofFar {
			if err := s.setFar(t, c, service, i, api.HealthPassing); err != nil {
				return err
			}
		}
	}
	return nil
}

// setFar registers an instance in the catalog, on a node without an agent.
func (s *scene) setFar(t testing.TB, c *parts.Consul, service string, n any, health string) error {
	id := s.far.id(service, c, n)
	node := fmt.Sprintf("outside-%d", len(id)%outsides)
	_, err := c.Client().Catalog().Register(&api.CatalogRegistration{
		Node: node, Address: "127.0.0.1",
		Service: &api.AgentService{ID: id, Service: service, Address: "127.0.0.1", Port: s.backend(t, id).Port},
		Check:   &api.AgentCheck{Node: node, CheckID: "check:" + id, Name: "by hand", ServiceID: id, Status: health},
	}, nil)
	return err
}

func (s *scene) removeFar(c *parts.Consul, service string, n any) error {
	id := s.far.id(service, c, n)
	_, err := c.Client().Catalog().Deregister(&api.CatalogDeregistration{Node: fmt.Sprintf("outside-%d", len(id)%outsides), ServiceID: id}, nil)
	return err
}

// hears waits until an instance that is registered there now is in every Envoy, and one that is deregistered has left.
// It says how long the first took.
func (s *scene) hears(t *testing.T, c *parts.Consul) {
	t.Helper()
	s.far.probes++
	name, n := probed+"."+s.far.suffix(c), fmt.Sprint("probe-", s.far.probes)
	addr := s.backend(t, s.far.id(probed, c, n)).Addr
	at := time.Now()
	must(t, soon(t.Context(), time.Minute, func() error { return s.setFar(t, c, probed, n, api.HealthPassing) }))
	if err := s.everywhere(t, 2*giveUp, func(e *envoy) error { return e.has(t.Context(), name, addr) }); err != nil {
		s.told = append(s.told, fmt.Sprintf("an instance of %s that was registered: %v", name, err))
		return
	}
	s.heard = append(s.heard, fmt.Sprintf("%s heard after %s s", s.far.suffix(c), seconds(time.Since(at))))
	must(t, s.removeFar(c, probed, n))
	if err := s.everywhere(t, giveUp, func(e *envoy) error { return e.lacks(t.Context(), name, addr) }); err != nil {
		s.told = append(s.told, fmt.Sprintf("an instance of %s that was deregistered: %v", name, err))
	}
}
