package e2e_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// Services with host names follow Consul at once, and DNS when it answers: health changes are
// served while DNS is silent, a new address is a new endpoint, and none of that rebuilds a cluster.
func TestHostNamesFollowConsulAndDNS(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	names := partstest.DNS(t)
	s.legate = startLegate(t, s.consul, "--resolve-dns", names.Addr, "--resolve-refresh", "200ms")
	for _, w := range allWays() {
		s.envoys = append(s.envoys, startEnvoy(t, s.legate, w, "db"))
	}
	first := s.backend(t, "db-first", "127.0.0.1:0")
	second := s.backend(t, "db-second", fmt.Sprintf("127.0.0.2:%d", first.Port))
	s.backend(t, "db-third", fmt.Sprintf("127.0.0.3:%d", first.Port))
	other := s.backend(t, "other", "127.0.0.1:0")

	names.Set("db.example.", 0, "127.0.0.1")
	names.Set("other.example.", 0, "127.0.0.1")
	s.registerAs(t, parts.Instance{ID: "db", Service: "db", Address: "db.example", Port: first.Port})
	s.registerAs(t, parts.Instance{ID: "other", Service: "db", Address: "other.example", Port: other.Port})
	s.everywhere(t, func(e *envoy) error { return e.answers("db", "db-first", "other") })

	names.Set("db.example.", 0, "127.0.0.2", "127.0.0.3")
	s.everywhere(t, func(e *envoy) error { return e.answers("db", "db-second", "db-third", "other") })
	names.Set("db.example.", 0, "127.0.0.2")
	s.everywhere(t, func(e *envoy) error { return e.answers("db", "db-second", "other") })
	added := make([]int, len(s.envoys))
	for i, e := range s.envoys {
		added[i] = e.stat(t, "cluster_manager.cluster_modified")
	}

	names.Silence(true)
	s.setHealth(t, "db", api.HealthCritical)
	began := time.Now()
	s.everywhere(t, func(e *envoy) error { return e.answers("db", "other") })
	t.Logf("a critical host name lost its traffic within %v while DNS is silent", time.Since(began).Round(time.Millisecond))
	s.everywhere(t, func(e *envoy) error { return e.hasEndpoint("db", second.Addr, "UNHEALTHY", 1) })
	s.setHealth(t, "db", api.HealthPassing)
	s.everywhere(t, func(e *envoy) error { return e.answers("db", "db-second", "other") })
	eventually(t, func() error {
		page, err := s.legate.get("/api/v1/status")
		if err == nil && !strings.Contains(string(page), "2 host names served as DNS last knew them") {
			err = errors.New("the status does not say that host names are stale")
		}
		return err
	})

	// A name that does not exist is a problem of that instance only.
	names.Silence(false)
	s.registerAs(t, parts.Instance{ID: "typo", Service: "db", Address: "typo.example", Port: first.Port})
	eventually(t, func() error {
		for _, p := range s.legate.status(t).Problems {
			if p.Service == "db.dc1" && p.Reason == "unresolved" {
				return nil
			}
		}
		return errors.New("there is no problem")
	})
	s.everywhere(t, func(e *envoy) error { return e.answers("db", "db-second", "other") })
	for i, e := range s.envoys {
		if n := e.stat(t, "cluster_manager.cluster_modified"); n != added[i] {
			t.Errorf("%s: %d clusters were rebuilt", e.way.name, n-added[i])
		}
	}
}

// Resolved addresses survive a restart while DNS is away.
func TestHostNamesOutliveARestartWithoutDNS(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	names := partstest.DNS(t)
	b := s.backend(t, "db", "127.0.0.1:0")
	names.Set("db.example.", 0, "127.0.0.1")
	s.registerAs(t, parts.Instance{ID: "db", Service: "db", Address: "db.example", Port: b.Port})
	s.legate = startLegate(t, s.consul, "--resolve-dns", names.Addr, "--resolve-refresh", "200ms", "--state-dir", t.TempDir())
	s.envoys = append(s.envoys, startEnvoy(t, s.legate, allWays()[0], "db"))
	s.everywhere(t, func(e *envoy) error { return e.answers("db", "db") })
	goes := visit(t, s.envoys[0], "db")

	names.Silence(true)
	s.legate.stop(t)
	s.legate.launch(t)
	s.legate.awaitReady(t)
	eventually(t, func() error {
		if len(s.legate.status(t).Streams) == 0 {
			return errors.New("envoy has not come back")
		}
		return nil
	})
	s.everywhere(t, func(e *envoy) error { return e.hasEndpoint("db", b.Addr, "HEALTHY", 1) })
	goes.goesOn(t)
	if problems := s.legate.status(t).Problems; len(problems) > 0 {
		t.Errorf("problems: %+v", problems)
	}
}
