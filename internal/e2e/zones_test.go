package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"legate/internal/parts"
)

// TestEachEnvoyUsesItsZoneThenItsRegionThenTheRest: an Envoy in each of two zones of a region. The policy comes while both
// are connected. When a zone has nobody any more, its region is used, and without that, the rest; who comes back is used
// again at once. While this goes on no request fails, since somebody is always well.
//
// Beside that, Envoy's own zone-aware routing, with the local cluster that "legate bootstrap envoy" makes.
func TestEachEnvoyUsesItsZoneThenItsRegionThenTheRest(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	for _, i := range []struct{ service, id, region, zone string }{
		{"web", "a1", "eu", "a"}, {"web", "a2", "eu", "a"}, {"web", "b", "eu", "b"}, {"web", "far", "us", "a"},
		{"front", "front-a", "eu", "a"}, {"front", "front-b", "eu", "b"}, {"api", "api-a", "eu", "a"}, {"api", "api-b", "eu", "b"},
	} {
		b := s.backend(t, i.id, "127.0.0.1:0")
		s.registerAs(t, parts.Instance{ID: i.id, Service: i.service, Address: "127.0.0.1", Port: b.Port, Region: i.region, Zone: i.zone})
	}
	file := filepath.Join(t.TempDir(), "policy.yaml")
	say := func(service, prefer string) {
		t.Helper()
		text := fmt.Sprintf("services:\n- {match: {names: [%s]}, prefer: %s}\n- {match: {names: [api]}, locality: zone_aware, zone_aware: {min_cluster_size: 1}}\n", service, prefer)
		if err := errors.Join(os.WriteFile(file+".new", []byte(text), 0o600), os.Rename(file+".new", file)); err != nil {
			t.Fatal(err)
		}
	}
	say("web", "none")
	s.legate = startLegate(t, s.consul, "--policy", file)
	for _, w := range []way{
		{name: "in a", mode: "delta", args: []string{"--region", "eu", "--zone", "a", "--local-cluster", "front"}, cds: true},
		{name: "in b", mode: "sotw", args: []string{"--region", "eu", "--zone", "b", "--local-cluster", "front"}, cds: true},
	} {
		s.envoys = append(s.envoys, startEnvoy(t, s.legate, w, "web", "api"))
	}
	inA, inB := s.envoys[0], s.envoys[1]
	goTo := func(a, b []string) {
		t.Helper()
		s.everywhere(t, func(e *envoy) error {
			if e == inA {
				return e.answers("web", a...)
			}
			return e.answers("web", b...)
		})
	}
	all := []string{"a1", "a2", "b", "far"}
	goTo(all, all)
	failed := steadily(t, inA, inB)
	say("web", "zone")
	goTo([]string{"a1", "a2"}, []string{"b"})
	for _, e := range s.envoys { // an Envoy with an order of its own is as it shall be
		eventually(t, func() error {
			out, err := exec.CommandContext(t.Context(), s.legate.Path, "verify", "--admin-addr", s.legate.Admin, "--envoy", e.AdminAddr, "--settle", "100ms").CombinedOutput()
			if err != nil {
				return fmt.Errorf("%s: %w: %s", e.way.name, err, out)
			}
			return nil
		})
	}
	s.setHealth(t, "a1", "critical")
	goTo([]string{"a2"}, []string{"b"}) // half of a zone is enough
	s.setHealth(t, "a2", "critical")
	goTo([]string{"b"}, []string{"b"})
	s.setHealth(t, "b", "critical")
	goTo([]string{"far"}, []string{"far"})
	s.setHealth(t, "a2", "passing")
	goTo([]string{"a2"}, []string{"a2"})
	s.setHealth(t, "b", "passing")
	goTo([]string{"a2"}, []string{"b"})
	say("web", "region")
	goTo([]string{"a2", "b"}, []string{"a2", "b"})
	say("web", "none")
	goTo([]string{"a2", "b", "far"}, []string{"a2", "b", "far"})
	if err := failed(); err != nil {
		t.Error(err)
	}

	s.everywhere(t, func(e *envoy) error {
		if e == inA {
			return e.answers("api", "api-a")
		}
		return e.answers("api", "api-b")
	})
	for _, e := range s.envoys {
		for _, rejected := range []string{"cluster_manager.cds.update_rejected", "cluster.web.update_rejected"} {
			if n := e.stat(t, rejected); n > 0 {
				t.Errorf("%s: %s is %d", e.way.name, rejected, n)
			}
		}
	}

	say("front", "zone") // which Envoy does not take for its local cluster, and the page says what helps
	eventually(t, func() error {
		page, err := s.legate.get("/")
		if err == nil && !strings.Contains(string(page), "failover: none and prefer: none") {
			err = errors.New("the page does not say what helps")
		}
		return err
	})
	say("front", "none")
	eventually(t, func() error {
		page, err := s.legate.get("/")
		if err == nil && strings.Contains(string(page), "reject") {
			err = errors.New("an Envoy rejects something still")
		}
		return err
	})
}

// steadily sends requests for web through Envoys, until the returned function is called, which says whether one failed.
func steadily(t *testing.T, through ...*envoy) (failed func() error) {
	t.Helper()
	var stop atomic.Bool
	ended := make(chan error, len(through))
	for _, e := range through {
		go func() {
			client := newClient(t)
			for !stop.Load() {
				if _, err := askAt(client, e.ports["web"], "/"); err != nil {
					ended <- fmt.Errorf("%s: a request failed: %w", e.way.name, err)
					return
				}
			}
			ended <- nil
		}()
	}
	return func() (err error) {
		stop.Store(true)
		for range through {
			err = errors.Join(err, <-ended)
		}
		return err
	}
}
