package e2e_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
)

var measure = flag.Bool("latency", false, "run TestLatency and print what it measures")

// How long a change takes: from the start of the write to Consul until Envoy's /clusters shows it.
// The test asserts that each change arrives, and prints how fast; what is fast enough depends on
// the machine.
func TestLatency(t *testing.T) {
	if !*measure {
		t.Skip("it measures and asserts no time: run it with -latency")
	}
	const changes = 50
	for _, size := range []int{1, 80} { // services in Consul, each with a blocking query of its own
		for _, w := range []way{adsDelta, adsSotW} {
			t.Run(fmt.Sprintf("%s, %d services", w.name, size), func(t *testing.T) {
				s := newStage(t, parts.ConsulOptions{})
				one := s.register(t, "shop", "shop-1", 1)
				for i := range size - 1 {
					s.registerAs(t, parts.Instance{Service: fmt.Sprintf("other-%d", i), Address: "127.0.0.1", Port: s.backends["shop-1"].Port})
				}
				two := s.backend(t, "shop-2", "127.0.0.1:0")
				s.serve(t, []way{w}, "shop")
				e := s.envoys[0]
				s.everywhere(t, func(e *envoy) error { return e.hasEndpoint("shop", one, "HEALTHY", 1) })

				kinds := []struct {
					name  string
					write func()
					shown func(map[string]shownHost) bool
				}{
					{"register", func() {
						s.registerAs(t, parts.Instance{ID: "shop-2", Service: "shop", Address: "127.0.0.1", Port: two.Port})
					}, func(h map[string]shownHost) bool { return h[two.Addr].Health.EDS == "HEALTHY" }},
					{"critical", func() { s.setHealth(t, "shop-1", api.HealthCritical) },
						func(h map[string]shownHost) bool { return h[one].Health.EDS == "UNHEALTHY" }},
					{"passing", func() { s.setHealth(t, "shop-1", api.HealthPassing) },
						func(h map[string]shownHost) bool { return h[one].Health.EDS == "HEALTHY" }},
					{"maintenance", func() { s.setMaintenance(t, "shop-1", true) },
						func(h map[string]shownHost) bool { return h[one].Health.EDS == "DRAINING" }},
					{"maintenance over", func() { s.setMaintenance(t, "shop-1", false) },
						func(h map[string]shownHost) bool { return h[one].Health.EDS == "HEALTHY" }},
					{"deregister", func() { s.deregister(t, "shop-2") },
						func(h map[string]shownHost) bool { _, there := h[two.Addr]; return !there }},
				}
				var all []time.Duration
				by := make(map[string][]time.Duration)
				for i := range changes {
					kind := kinds[i%len(kinds)]
					began := time.Now()
					kind.write()
					eventuallyShown(t, e, kind.shown)
					took := time.Since(began)
					all, by[kind.name] = append(all, took), append(by[kind.name], took)
					time.Sleep(50 * time.Millisecond) // single changes, not a storm
				}
				t.Logf("%d changes: median %v, p99 %v, slowest %v", changes, quantile(all, 50), quantile(all, 99), slices.Max(all))
				for _, kind := range kinds {
					t.Logf("%16s: median %v of %d", kind.name, quantile(by[kind.name], 50), len(by[kind.name]))
				}
			})
		}
	}
}

type shownHost struct {
	Address struct {
		Socket struct {
			Address string `json:"address"`
			Port    int    `json:"port_value"`
		} `json:"socket_address"`
	} `json:"address"`
	Health struct {
		EDS string `json:"eds_health_status"`
	} `json:"health_status"`
}

// eventuallyShown polls Envoy's /clusters without a pause, on one connection.
func eventuallyShown(t testing.TB, e *envoy, shown func(map[string]shownHost) bool) {
	t.Helper()
	for began := time.Now(); time.Since(began) < patience; {
		if shown(shownHosts(t, e, "shop")) {
			return
		}
	}
	t.Fatalf("not shown within %v", patience)
}

func shownHosts(t testing.TB, e *envoy, service string) map[string]shownHost {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+e.AdminAddr+"/clusters?format=json&filter=^"+service+"$", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := e.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var said struct {
		Clusters []struct {
			Name  string      `json:"name"`
			Hosts []shownHost `json:"host_statuses"`
		} `json:"cluster_statuses"`
	}
	if err := json.Unmarshal(text, &said); err != nil {
		t.Fatalf("read envoy's clusters: %v\n%s", err, strings.TrimSpace(string(text)))
	}
	hosts := make(map[string]shownHost)
	for _, c := range said.Clusters {
		if c.Name == service {
			for _, h := range c.Hosts {
				hosts[fmt.Sprintf("%s:%d", h.Address.Socket.Address, h.Address.Socket.Port)] = h
			}
		}
	}
	return hosts
}

// quantile returns the smallest value that at least percent of the values do not exceed.
func quantile(values []time.Duration, percent int) time.Duration {
	sorted := slices.Sorted(slices.Values(values))
	at := (len(sorted)*percent + 99) / 100
	return sorted[max(at, 1)-1].Round(10 * time.Microsecond)
}
