package e2e_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// Consul is away when Legate starts: it serves the last known catalog, also to a new Envoy, says
// that it is stale, and is up to date once Consul is back. An Envoy that was there before is sent
// nothing that it has already.
func TestALegateThatStartsWithoutConsulServesTheLastKnownCatalog(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{Persistent: true})
	s.register(t, "shop", "shop-1", 1)
	s.register(t, "shop", "shop-2", 1)
	s.legate = startLegate(t, s.consul, "--state-dir", filepath.Join(t.TempDir(), "state"))
	s.envoys = append(s.envoys, startEnvoy(t, s.legate, adsDelta, "shop"), startEnvoy(t, s.legate, adsSotW, "shop"))
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1", "shop-2") })
	before := make(map[*envoy]map[string]int)
	var flows []*flow
	for _, e := range s.envoys {
		before[e] = e.rebuilt(t)
		flows = append(flows, visit(t, e, "shop"))
	}

	if err := s.consul.Kill(); err != nil {
		t.Fatal(err)
	}
	s.legate.stop(t) // writes what is not on disk yet
	s.legate.launch(t)
	s.legate.awaitReady(t)
	if text, err := s.legate.get("/readyz"); err != nil || !strings.Contains(string(text), "stale: serving the last known catalog") {
		t.Errorf("%s %v", text, err)
	}
	s.legate.exports(t, "legate_serving_stale 1")

	fresh := startEnvoy(t, s.legate, way{name: "fresh", mode: "delta", cds: true}, "shop", "new")
	s.envoys = append(s.envoys, fresh)
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1", "shop-2") })
	flows = append(flows, visit(t, fresh, "shop"))
	s.reconnected(t)
	for e, was := range before {
		if now := e.rebuilt(t); !maps.Equal(now, was) {
			t.Errorf("%s: was %v, is %v after a restart that changed nothing", e.way.name, was, now)
		}
	}
	if n := s.legate.deltaResponses(t, adsDelta.name); n != 0 {
		t.Errorf("an envoy that came back incrementally was told %d times what it knows", n)
	}

	if err := s.consul.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.register(t, "new", "new-1", 1)
	eventually(t, func() error { return fresh.answers("new", "new-1") })
	s.legate.exports(t, "legate_serving_stale 0")
	if text, err := s.legate.get("/readyz"); err != nil || strings.Contains(string(text), "stale") {
		t.Errorf("%s %v", text, err)
	}
	for _, f := range flows {
		f.goesOn(t)
	}
}

// Consul's config entries survive a Legate that starts, and stops, without Consul.
func TestALegateThatStartsWithoutConsulKeepsConfigEntries(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	s.register(t, "shop", "shop-1", 1)
	if _, _, err := s.consul.Client().ConfigEntries().Set(&api.ServiceConfigEntry{Kind: api.ServiceDefaults, Name: "shop", Protocol: "grpc"}, nil); err != nil {
		t.Fatal(err)
	}
	state := t.TempDir()
	kept := func() error {
		text, err := os.ReadFile(filepath.Join(state, "last-known-catalog"))
		if err == nil && !strings.Contains(string(text), `{"Key":{"Kind":"service-defaults","Name":"shop"},"Protocol":"grpc",`) {
			err = fmt.Errorf("the entry is not in the file:\n%s", text)
		}
		return err
	}
	s.legate = startLegate(t, s.consul, "--state-dir", state)
	s.legate.exports(t, `legate_catalog_entries{datacenter="dc1",kind="service-defaults",peer=""} 1`)
	eventually(t, kept)
	if err := s.consul.Kill(); err != nil {
		t.Fatal(err)
	}
	s.legate.stop(t)
	s.legate.launch(t)
	s.legate.awaitReady(t)
	s.legate.exports(t, "legate_serving_stale 1")
	s.legate.stop(t)
	if err := kept(); err != nil {
		t.Error(err)
	}
}

// The folder was copied from a machine in another datacenter. Legate cannot know that while
// Consul's agent does not answer. Once it answers, the file is no longer served.
func TestACatalogOfAnotherDatacenterIsServedOnlyUntilTheAgentSaysSo(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	s.register(t, "shop", "shop-1", 1)
	state := t.TempDir()
	s.legate = startLegate(t, s.consul, "--state-dir", state, "--last-known-grace", "0s")
	s.legate.stop(t)

	s.consul = partstest.Consul(t, parts.ConsulOptions{Datacenter: "dc2"})
	s.register(t, "bakery", "bakery-1", 1)
	if err := s.consul.Pause(); err != nil {
		t.Fatal(err)
	}
	s.legate = newLegate(t, s.consul, "--state-dir", state, "--last-known-grace", "0s")
	s.legate.launch(t)
	s.legate.awaitReady(t)
	s.legate.exports(t, "legate_serving_stale 1")
	if err := s.consul.Continue(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.legate.Done():
	case <-time.After(patience):
		t.Fatal("the file of another datacenter is still served")
	}
	if err := s.legate.Err(); err == nil || !strings.Contains(parts.LogTail(s.legate.Log, 3), `of datacenter "dc1", and Consul's agent is in "dc2"`) {
		t.Errorf("%v\n%s", err, parts.LogTail(s.legate.Log, 3))
	}

	s.legate.Args = append(s.legate.Args, "--last-known-grace", "30s")
	s.legate.launch(t)
	s.legate.awaitReady(t)
	s.legate.exports(t, "legate_serving_stale 0")
	s.envoys = append(s.envoys, startEnvoy(t, s.legate, adsDelta, "shop", "bakery"))
	s.everywhere(t, func(e *envoy) error { return errors.Join(e.answers("bakery", "bakery-1"), e.refuses("shop")) })
}

// A damaged file is not used, and Legate waits for Consul as it would without a file.
func TestADamagedFileIsNeitherServedNorInTheWay(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{Persistent: true})
	s.register(t, "shop", "shop-1", 1)
	state := t.TempDir()
	s.legate = startLegate(t, s.consul, "--state-dir", state, "--last-known-grace", "0s")
	s.legate.stop(t)
	file := filepath.Join(state, "last-known-catalog")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(file, []byte(strings.Replace(string(text), "shop-1", "shop-9", 1)), 0o600), s.consul.Kill()); err != nil {
		t.Fatal(err)
	}
	s.legate.launch(t)
	eventually(t, func() error {
		log, err := os.ReadFile(s.legate.Log)
		if err == nil && !strings.Contains(string(log), "its checksum is another one") {
			err = errors.New("the log does not say what is wrong with the file")
		}
		return err
	})
	if text, err := s.legate.get("/readyz"); err == nil {
		t.Errorf("ready with a damaged file: %s", text)
	}
	if err := s.consul.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.legate.awaitReady(t)
	eventually(t, func() error { // the file is replaced
		now, err := os.ReadFile(file)
		if err == nil && !strings.Contains(string(now), "shop-1") {
			err = errors.New("the file is not replaced")
		}
		return err
	})
}

// exports waits for a line in /metrics.
func (l *legate) exports(t testing.TB, line string) {
	t.Helper()
	eventually(t, func() error {
		page, err := l.get("/metrics")
		if err == nil && !strings.Contains("\n"+string(page), "\n"+line+"\n") {
			err = fmt.Errorf("/metrics lacks %q", line)
		}
		return err
	})
}

// deltaResponses returns how many responses an Envoy was sent on its open streams.
func (l *legate) deltaResponses(t testing.TB, node string) (n int) {
	t.Helper()
	for _, st := range l.status(t).Streams {
		for _, typ := range st.Types {
			if st.Node == node {
				n += typ.Responses
			}
		}
	}
	return n
}

// reconnected waits until all Envoys have subscribed to clusters and endpoints at this Legate.
func (s *stage) reconnected(t testing.TB) {
	t.Helper()
	eventually(t, func() error {
		types := make(map[string]int)
		for _, st := range s.legate.status(t).Streams {
			types[st.Node] += len(st.Types)
		}
		for _, e := range s.envoys {
			if types[e.way.name] < 2 {
				return fmt.Errorf("%s has not come back: %v", e.way.name, types)
			}
		}
		return nil
	})
}

// A reloaded configuration expresses the same selection of services in other words. A Legate that
// dies then, and starts while Consul is away, uses the last known catalog of the latest selection.
func TestTheLastKnownCatalogOutlivesAChangedSelection(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	s.register(t, "shop", "shop-1", 1)
	config := filepath.Join(t.TempDir(), "legate.yaml")
	write := func(include string) {
		if err := os.WriteFile(config, []byte("services: {include: ["+include+"]}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("shop")
	state := t.TempDir()
	s.legate = startLegate(t, s.consul, "--config", config, "--state-dir", state, "--last-known-grace", "0s")
	write("shop, sho*")
	eventually(t, func() error {
		text, err := os.ReadFile(filepath.Join(state, "last-known-catalog"))
		if err == nil && !strings.Contains(string(text), `"sho*"`) {
			err = errors.New("the file is of the old selection")
		}
		return err
	})
	if err := errors.Join(s.legate.Kill(), s.consul.Kill()); err != nil {
		t.Fatal(err)
	}
	s.legate.launch(t)
	s.legate.awaitReady(t)
	s.legate.exports(t, "legate_serving_stale 1")
}
