package live_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"legate/internal/grafanatest/live"
	"legate/internal/legatetest"
	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// program is Legate, built like a release.
var program = legatetest.NewProgram("-trimpath")

func TestMain(m *testing.M) { os.Exit(program.Run(m)) }

// checkout is the top of the checkout.
const checkout = "../../.."

// stage is what Prometheus looks at: a Consul with services, a Legate with TLS, and an Envoy.
type stage struct {
	consul     *parts.Consul
	legate     *parts.Legate
	prometheus *live.Prometheus
	conn       *grpc.ClientConn // to Legate
	config     string           // Legate's file
}

// Services of the stage, and how many instances each has.
var services = []string{"shop", "cart", "mail", "pay"}

const ofEach = 4

// usual is Legate's configuration, as it takes it over.
const usual = "log: {level: info}\n"

func newStage(t *testing.T) *stage {
	// Consul forgets nothing, so that it can be killed.
	s := &stage{consul: partstest.Consul(t, parts.ConsulOptions{Persistent: true})}
	s.each(func(service, id string, port int) { s.register(t, service, id, port, api.HealthPassing) })
	certs, err := parts.NewCerts(t.TempDir())
	must(t, err)
	s.config = filepath.Join(t.TempDir(), "legate.yaml")
	s.configure(t, usual)
	s.legate = program.Legate(t, 10*time.Second,
		"--consul-addr", s.consul.Addr, "--config", s.config, "--state-dir", filepath.Join(t.TempDir(), "state"),
		"--tls-cert", certs.CertFile, "--tls-key", certs.KeyFile, "--drain-delay", "0s", "--register",
		"--guard-confirm", "1s",
		// A quiet Consul answers within about a minute.
		"--consul-wait", live.Minute.String())
	s.launch(t)
	s.prometheus = live.Watch(t, checkout, s.legate.Admin)
	port := freePort(t)
	partstest.Envoy(t, parts.EnvoyOptions{Bootstrap: program.Output(t, "bootstrap", "envoy", "--node-id", "edge-1",
		"--xds-address", s.legate.XDS, "--ca-file", certs.CAFile, "--server-name", "localhost", "--route", fmt.Sprintf("%d=shop", port))})
	s.conn = dial(t, s.legate.XDS, certs)
	// A change is in a rate if there was a sample before it.
	partstest.Eventually(t, func() error {
		found, err := s.prometheus.Query(t.Context(), "count_over_time(legate_xds_streams[1h]) > 1", time.Now())
		if err == nil && len(found) == 0 {
			err = errors.New("it has not been scraped yet")
		}
		return err
	})
	return s
}

func (s *stage) launch(t *testing.T) {
	t.Helper()
	must(t, s.legate.Launch())
	must(t, s.legate.AwaitReady(t.Context(), time.Minute))
}

// each calls do with each instance that the stage begins with.
func (s *stage) each(do func(service, id string, port int)) {
	for i, service := range services {
		for j := range ofEach {
			do(service, fmt.Sprintf("%s-%d", service, j), 10_000+100*i+j)
		}
	}
}

// node has no agent, so that nobody but the test sets the health of what is registered there.
const node = "outside"

func (s *stage) register(t *testing.T, service, id string, port int, health string) {
	t.Helper()
	_, err := s.consul.Client().Catalog().Register(&api.CatalogRegistration{
		Node: node, Address: "127.0.0.1",
		Service: &api.AgentService{ID: id, Service: service, Address: "127.0.0.1", Port: port},
		Check:   &api.AgentCheck{Node: node, CheckID: "check:" + id, Name: "by hand", ServiceID: id, Status: health},
	}, nil)
	must(t, err)
}

func (s *stage) deregister(t *testing.T, id string) {
	t.Helper()
	_, err := s.consul.Client().Catalog().Deregister(&api.CatalogDeregistration{Node: node, ServiceID: id}, nil)
	must(t, err)
}

func (s *stage) configure(t *testing.T, text string) {
	t.Helper()
	must(t, os.WriteFile(s.config, []byte(text), 0o600))
}

// dial connects to a Legate until the test ends.
func dial(t *testing.T, addr string, certs parts.Certs) *grpc.ClientConn {
	t.Helper()
	creds, err := credentials.NewClientTLSFromFile(certs.CAFile, "localhost")
	must(t, err)
	conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(creds))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

func freePort(t *testing.T) int {
	t.Helper()
	ports, err := parts.FreePorts(1)
	must(t, err)
	return ports[0]
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
