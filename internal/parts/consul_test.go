package parts_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// health returns the aggregated status of the service's instances, by instance id.
func health(t *testing.T, c *parts.Consul, service string) map[string]string {
	t.Helper()
	entries, _, err := c.Client().Health().Service(service, "", false, nil)
	if err != nil {
		t.Fatal(err)
	}
	said := make(map[string]string)
	for _, e := range entries {
		said[e.Service.ID] = e.Checks.AggregatedStatus()
	}
	return said
}

func TestAnInstanceIsRegisteredChangedAndDeregistered(t *testing.T) {
	c, ctx := partstest.Consul(t, parts.ConsulOptions{}), t.Context()
	steps := []struct {
		do   func() error
		want string
	}{
		{func() error { return c.Register(ctx, parts.Instance{ID: "web-1", Service: "web", Port: 80}) }, "map[web-1:passing]"},
		{func() error { return c.SetHealth(ctx, "web-1", api.HealthCritical) }, "map[web-1:critical]"},
		{func() error { return c.SetHealth(ctx, "web-1", api.HealthPassing) }, "map[web-1:passing]"},
		{func() error { return c.SetMaintenance(ctx, "web-1", true) }, "map[web-1:maintenance]"},
		{func() error { return c.SetMaintenance(ctx, "web-1", false) }, "map[web-1:passing]"},
		{func() error { return c.Deregister(ctx, "web-1") }, "map[]"},
	}
	for i, s := range steps {
		if err := s.do(); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		partstest.Eventually(t, func() error {
			if got := fmt.Sprint(health(t, c, "web")); got != s.want {
				return fmt.Errorf("step %d: %s, want %s", i, got, s.want)
			}
			return nil
		})
	}
}

func TestAPersistentConsulKeepsItsCatalogOverStopAndKill(t *testing.T) {
	c, ctx := partstest.Consul(t, parts.ConsulOptions{Persistent: true}), t.Context()
	if err := c.Register(ctx, parts.Instance{Service: "web", Port: 80}); err != nil {
		t.Fatal(err)
	}
	addr := c.Addr
	for name, end := range map[string]func() error{"stop": c.Stop, "kill": c.Kill} {
		if err := end(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := http.Get(c.URL()); err == nil {
			t.Fatalf("after %s it still answers", name)
		}
		if err := c.Start(ctx); err != nil {
			t.Fatalf("start after %s: %v", name, err)
		}
		if got := health(t, c, "web"); got["web"] != api.HealthPassing || c.Addr != addr {
			t.Fatalf("after %s: %v on %s, want web passing on %s", name, got, c.Addr, addr)
		}
	}
}

func TestAFrozenConsulDoesNotAnswerUntilItContinues(t *testing.T) {
	c := partstest.Consul(t, parts.ConsulOptions{})
	if err := c.Pause(); err != nil {
		t.Fatal(err)
	}
	ask := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err := c.Client().Status().LeaderWithQueryOptions((&api.QueryOptions{}).WithContext(ctx))
		return err
	}
	err := ask()
	for paused := time.Now(); err == nil && time.Since(paused) < 10*time.Second; err = ask() {
		time.Sleep(10 * time.Millisecond) // a signal arrives when its process is next scheduled
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a frozen Consul said %v", err)
	}
	if err := c.Continue(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Client().Status().Leader(); err != nil {
		t.Fatal(err)
	}
}

func TestConsulSpeaksHTTPSAndUnixSocketAndDeniesWithoutToken(t *testing.T) {
	c := partstest.Consul(t, parts.ConsulOptions{HTTPS: true, UnixSocket: true, ACL: true})
	ways := map[string]*api.Config{
		"https": {Address: c.HTTPSAddr, Scheme: "https", Token: c.Token, TLSConfig: api.TLSConfig{CAFile: c.Certs.CAFile}},
		"unix":  {Address: "unix://" + c.Socket, Token: c.Token},
	}
	for name, config := range ways {
		client, err := api.NewClient(config)
		if err != nil {
			t.Fatal(err)
		}
		nodes, _, err := client.Catalog().Nodes(nil)
		if err != nil || len(nodes) != 1 || nodes[0].Node != c.Node {
			t.Errorf("%s: nodes %v, error %v", name, nodes, err)
		}
	}
	anonymous, err := api.NewClient(&api.Config{Address: c.Addr})
	if err != nil {
		t.Fatal(err)
	}
	if nodes, _, err := anonymous.Catalog().Nodes(nil); err == nil && len(nodes) > 0 {
		t.Errorf("without a token it says %v", nodes)
	}
}
