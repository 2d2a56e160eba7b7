package chaos_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// connectionLimit is Consul's limits.http_max_conns_per_client in a single scene: low enough to be
// exhausted by others.
const connectionLimit = 80

// newSingleScene has one agent, a server that keeps its data, federated with another datacenter
// that has services of the same names.
func newSingleScene(t *testing.T) *scene {
	wan := freePort(t)
	c := partstest.Consul(t, parts.ConsulOptions{
		Persistent: true, Node: "one", MaxConnsPerClient: connectionLimit,
		HCL: fmt.Sprintf("data_dir = %q\nports { serf_wan = %d }", t.TempDir(), wan),
	})
	s := &scene{consul: c, servers: []*parts.Consul{c}}
	s.plug(t)
	s.populate(t)
	s.elsewhere = partstest.Consul(t, parts.ConsulOptions{
		Datacenter: "dc2", Node: "elsewhere",
		HCL: fmt.Sprintf("retry_join_wan = [%q]\nretry_interval_wan = \"1s\"", parts.Loopback(wan)),
	})
	for _, service := range []string{"shop", "cart", "books"} {
		must(t, s.elsewhere.Register(t.Context(), parts.Instance{Service: service, Address: "127.0.0.1", Port: 9}))
	}
	s.serve(t, "--consul-addr", s.wire.addr())
	return s
}

// newClusterScene has three servers with a leader, and the client agent that Legate uses.
func newClusterScene(t *testing.T) *scene {
	ports, err := parts.FreePorts(3)
	must(t, err)
	var join []string
	for _, p := range ports {
		join = append(join, fmt.Sprintf("%q", parts.Loopback(p)))
	}
	common := fmt.Sprintf("retry_join = [%s]\nretry_interval = \"1s\"\nperformance { raft_multiplier = 1 }\n", strings.Join(join, ", "))
	s := &scene{servers: make([]*parts.Consul, len(ports))}
	path := partstest.ConsulPath(t)
	var starting sync.WaitGroup
	errs := make([]error, len(ports))
	for i, port := range ports {
		starting.Go(func() {
			s.servers[i], errs[i] = parts.StartConsul(t.Context(), parts.ConsulOptions{
				Path: path, Persistent: true, Node: fmt.Sprintf("server-%d", i+1),
				HCL: common + fmt.Sprintf("bootstrap_expect = %d\nports { serf_lan = %d }", len(ports), port),
			})
		})
	}
	starting.Wait()
	t.Cleanup(func() {
		for _, c := range s.servers {
			if c != nil {
				must(t, errors.Join(c.Continue(), c.Kill(), c.Close()))
			}
		}
	})
	must(t, errors.Join(errs...))
	s.consul = partstest.Consul(t, parts.ConsulOptions{
		Path: path, Persistent: true, Node: "client",
		HCL: common + "server = false\nbootstrap_expect = 0",
	})
	s.plug(t)
	s.populate(t)
	s.serve(t, "--consul-addr", s.wire.addr())
	return s
}

// plug makes the wire to the agent, and a front for later.
func (s *scene) plug(t testing.TB) {
	s.wire = newWire(t, "127.0.0.1:0", s.consul.Addr)
	s.front = newFakeFront(t, s.consul.Addr)
}

// leader returns the leading server and the others.
func (s *scene) leader(t testing.TB) (leader *parts.Consul, followers []*parts.Consul) {
	t.Helper()
	err := soon(t.Context(), 30*time.Second, func() error {
		leader, followers = nil, nil
		for _, c := range s.servers {
			self, err := c.Client().Agent().Self()
			if err != nil {
				return err
			}
			raft, ok := self["Stats"]["raft"].(map[string]any)
			if !ok {
				return errors.New("the agent says nothing of raft")
			}
			if raft["state"] == "Leader" {
				leader = c
			} else {
				followers = append(followers, c)
			}
		}
		if leader == nil {
			return errors.New("no server leads")
		}
		return nil
	})
	must(t, err)
	return leader, followers
}

// startAll starts Consuls in parallel, since servers wait for each other.
func startAll(t testing.TB, consuls ...*parts.Consul) {
	t.Helper()
	errs := make([]error, len(consuls))
	var starting sync.WaitGroup
	for i, c := range consuls {
		starting.Go(func() { errs[i] = c.Start(t.Context()) })
	}
	starting.Wait()
	must(t, errors.Join(errs...))
}

func each(t testing.TB, consuls []*parts.Consul, do func(*parts.Consul) error) {
	t.Helper()
	for _, c := range consuls {
		must(t, do(c))
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	ports, err := parts.FreePorts(1)
	must(t, err)
	return ports[0]
}

func portOf(t testing.TB, addr string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	must(t, err)
	return port
}
