package chaos_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/internal/grafanatest/live"
	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// hour is what a Prometheus looks at that evaluates the alert rules: a Consul in which something changes all the time,
// and a Legate with clients. Time passes at [live.Pace].
type hour struct {
	t          *testing.T // of the whole hour
	consul     *parts.Consul
	rights     *scene // of Legate's token
	dns        *parts.DNS
	legate     *parts.Legate
	prometheus *live.Prometheus
	authority  *authority // of Legate's certificate

	config, policy, state string // files of Legate's

	disconnect func() // ends the healthy clients
}

// Services of an hour. The critics reject disputed, which no other client asks for. It and hidden have config entries.
const (
	disputed = "cart"
	hidden   = "pay"
	changing = "mail"

	singles    = 20 // services with one instance
	hostName   = "db.example"
	goodHour   = "log: {level: info}\n"
	wrongHour  = "log: {level: loud}\n"
	goodPolicy = "defaults: {connect_timeout: 6s}\n"
)

func newHour(t *testing.T) *hour {
	c := partstest.Consul(t, parts.ConsulOptions{Persistent: true, ACL: true})
	h := &hour{
		t: t, consul: c, rights: newRights(t, c), dns: partstest.DNS(t), authority: newAuthority(t),
		config: filepath.Join(t.TempDir(), "legate.yaml"), policy: filepath.Join(t.TempDir(), "policy.yaml"),
		state: filepath.Join(t.TempDir(), "state"), disconnect: func() {},
	}
	h.dns.Set(hostName+".", time.Second, "127.0.0.1")
	h.arrive(t)
	h.rights.writeEntry(t, disputed, settled)
	h.rights.writeEntry(t, hidden, settled)
	must(t, h.registerAt(calm, "db", "db-0", hostName, 80, api.HealthPassing))
	h.write(t, h.config, goodHour)
	h.write(t, h.policy, goodPolicy)
	h.legate = program.Legate(t, 35*time.Second,
		"--consul-addr", c.Addr, "--consul-token-file", h.rights.token, "--config", h.config, "--policy", h.policy, "--state-dir", h.state,
		"--tls-cert", h.authority.certFile, "--tls-key", h.authority.leaf, "--drain-delay", "0s",
		"--resolve-dns", h.dns.Addr, "--resolve-refresh", "200ms",
		// A quiet Consul answers within about a minute, a small loss is believed within one, and a large one after an hour.
		"--consul-wait", live.Minute.String(), "--guard-confirm", (live.Minute / 6).String(), "--guard-empty", live.Minute.String(),
		"--guard-datacenter-hold", (60 * live.Minute).String())
	keepLog(t, h.legate)
	h.launch(t)
	must(t, h.legate.AwaitReady(t.Context(), time.Minute))
	h.connect()
	h.stir()
	h.prometheus = live.Watch(t, "../..", h.legate.Admin)
	return h
}

func (h *hour) launch(t *testing.T) {
	t.Helper()
	must(t, h.legate.Launch())
}

// restart starts Legate again with these arguments.
func (h *hour) restart(t *testing.T, args []string) {
	t.Helper()
	must(t, h.legate.Stop(30*time.Second))
	h.legate.Args = args
	h.launch(t)
	must(t, h.legate.AwaitReady(t.Context(), time.Minute))
}

func (h *hour) write(t *testing.T, file, text string) {
	t.Helper()
	must(t, os.WriteFile(file, []byte(text), 0o600))
}

// Nodes without an agent, so that nobody else sets the health of what is registered there. Most of the datacenter is on
// crowded.
const crowded, calm = "outside-1", "outside-2"

// arrive registers what most of the datacenter is made of.
func (h *hour) arrive(t *testing.T) {
	t.Helper()
	must(t, h.health(api.HealthPassing))
	for i, service := range []string{"shop", disputed, hidden} {
		for j := range 8 {
			must(t, h.registerAt(crowded, service, fmt.Sprintf("%s-%d", service, j), "127.0.0.1", 10_000+100*i+j, api.HealthPassing))
		}
	}
	for i := range singles {
		must(t, h.registerAt(crowded, single(i), single(i), "127.0.0.1", 11_000+i, api.HealthPassing))
	}
}

// health sets the health of all of it at once: that of its node.
func (h *hour) health(status string) error {
	_, err := h.consul.Client().Catalog().Register(&api.CatalogRegistration{
		Node: crowded, Address: "127.0.0.1", Check: &api.AgentCheck{Node: crowded, CheckID: "node", Name: "by hand", Status: status},
	}, nil)
	return err
}

// leave deregisters all of it at once, with its node.
func (h *hour) leave() error {
	_, err := h.consul.Client().Catalog().Deregister(&api.CatalogDeregistration{Node: crowded}, nil)
	return err
}

func single(i int) string { return fmt.Sprintf("single-%02d", i) }

// register registers one more instance, and deregister removes it.
func (h *hour) register(service, id string, port int, health string) error {
	return h.registerAt(calm, service, id, "127.0.0.1", port, health)
}

func (h *hour) registerAt(node, service, id, address string, port int, health string) error {
	_, err := h.consul.Client().Catalog().Register(&api.CatalogRegistration{
		Node: node, Address: "127.0.0.1",
		Service: &api.AgentService{ID: id, Service: service, Address: address, Port: port},
		Check:   &api.AgentCheck{Node: node, CheckID: "check:" + id, Name: "by hand", ServiceID: id, Status: health},
	}, nil)
	return err
}

func (h *hour) deregister(id string) error {
	_, err := h.consul.Client().Catalog().Deregister(&api.CatalogDeregistration{Node: calm, ServiceID: id}, nil)
	return err
}

// stir changes something all the time, as deploys and health checks do: instances come, turn critical and well again,
// and go. While Consul is away it cannot.
func (h *hour) stir() {
	ctx, end := context.WithCancel(h.t.Context())
	var stirs sync.WaitGroup
	h.t.Cleanup(func() { end(); stirs.Wait() })
	stirs.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			id, port := fmt.Sprintf("%s-%d", changing, n%10), 12_000+n%10
			switch n / 10 % 4 {
			case 0, 2:
				_ = h.register(changing, id, port, api.HealthPassing)
			case 1:
				_ = h.register(changing, id, port, []string{api.HealthPassing, api.HealthCritical}[n%2])
			case 3:
				if n%3 == 0 {
					_ = h.deregister(id)
				}
			}
			wait(ctx, live.Minute/4)
		}
	})
}
