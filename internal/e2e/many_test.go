package e2e_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
)

// An agent allows 200 connections per client address and refuses more. With more services than that
// over plain HTTP, Legate serves them all with half of the connections, so that another client on
// the same address has the other half.
func Test250ServicesOverPlainHTTPFitIntoConsulsConnectionLimit(t *testing.T) {
	t.Parallel()
	const services, neighbours, limit = 250, 90, 100
	s := newStage(t, parts.ConsulOptions{}) // with Consul's default limit
	b := s.backend(t, "any", "127.0.0.1:0")
	name := func(i int) string { return fmt.Sprintf("service-%03d", i) }
	for i := range services {
		s.registerAs(t, parts.Instance{Service: name(i), Address: "127.0.0.1", Port: b.Port})
	}

	s.legate = newLegate(t, s.consul)
	s.legate.launch(t)
	most := watchConnections(t, s.legate.PID(), s.consul.Addr)
	neighbour := newNeighbour(t, s.consul, neighbours)
	s.legate.awaitReady(t)
	s.envoys = append(s.envoys, startEnvoy(t, s.legate, adsDelta, name(0), name(services-1)))

	s.everywhere(t, func(e *envoy) error {
		clusters, err := e.Clusters(t.Context())
		if err != nil {
			return err
		}
		for i := range services {
			if got := clusters[name(i)].Endpoints; len(got) != 1 || got[0].Address != b.Addr || got[0].Health != "HEALTHY" {
				return fmt.Errorf("endpoints of %s: %v", name(i), got)
			}
		}
		return nil
	})
	s.everywhere(t, func(e *envoy) error { return e.answers(name(0), "any") })
	s.everywhere(t, func(e *envoy) error { return e.answers(name(services-1), "any") })

	// Every service is followed, including those without a connection of their own: the first and
	// the last by name, and each one in between.
	for i := range services {
		s.setHealth(t, name(i), api.HealthCritical)
	}
	s.everywhere(t, func(e *envoy) error {
		clusters, err := e.Clusters(t.Context())
		if err != nil {
			return err
		}
		for i := range services {
			if got := clusters[name(i)].Endpoints; len(got) != 1 || got[0].Health != "UNHEALTHY" {
				return fmt.Errorf("endpoints of %s: %v", name(i), got)
			}
		}
		return nil
	})

	if err := neighbour.leave(); err != nil {
		t.Errorf("a neighbour with %d connections was harmed: %v", neighbours, err)
	}
	if got := most(); got > limit || got == 0 && runtime.GOOS == "linux" {
		t.Errorf("legate had up to %d connections to consul, want at most %d", got, limit)
	} else {
		t.Logf("legate had up to %d connections to consul", got)
	}
	if log := parts.LogTail(s.legate.Log, 1<<20); !strings.Contains(log, "use https") {
		t.Error("legate's log does not name the remedy for many services: use https")
	}
}

// neighbour is another client of Consul on the same address, with blocking queries of its own.
type neighbour struct {
	consul *parts.Consul
	end    chan struct{}
	ended  sync.WaitGroup

	mu  sync.Mutex
	err error
}

func newNeighbour(t testing.TB, consul *parts.Consul, connections int) *neighbour {
	n := &neighbour{consul: consul, end: make(chan struct{})}
	for range connections {
		n.ended.Go(n.watch)
	}
	t.Cleanup(func() { _ = n.leave() })
	return n
}

// watch follows the catalog like any other client, with queries that block for a second at most.
func (n *neighbour) watch() {
	client, err := api.NewClient(&api.Config{Address: n.consul.Addr})
	if err != nil {
		n.harmed(err)
		return
	}
	for index := uint64(0); ; {
		select {
		case <-n.end:
			return
		default:
		}
		_, meta, err := client.Catalog().Nodes(&api.QueryOptions{WaitIndex: index, WaitTime: time.Second})
		if err != nil {
			n.harmed(err)
			return
		}
		index = meta.LastIndex
	}
}

func (n *neighbour) harmed(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.err == nil {
		n.err = err
	}
}

// leave ends the queries and returns their first error.
func (n *neighbour) leave() error {
	select {
	case <-n.end:
	default:
		close(n.end)
	}
	n.ended.Wait()
	return n.err
}
