package live_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/hashicorp/consul/api"

	"legate/internal/grafanatest/live"
	"legate/internal/parts"
	"legate/internal/parts/partstest"
	"legate/internal/xdsclient"
	"legate/internal/xdstest"
	"legate/translate"
)

// fleet is a house as one might be: two Legates, a dozen Envoys, and what they serve.
type fleet struct {
	*stage
	legates []*parts.Legate
	rules   string          // the operator's policy
	quiet   bool            // nothing changes by itself
	away    map[string]bool // instances that are ill, or gone
}

var kinds = strings.Fields("accounts billing cart catalog checkout images login mail orders payments prices ratings search shipping stock web")

func (f *fleet) each(do func(service, id string, port int)) {
	for i, kind := range kinds {
		for j := range 3 + i%4 {
			do(kind, fmt.Sprintf("%s-%d", kind, j), 10_000+100*i+j)
		}
	}
}

func (f *fleet) policy(t *testing.T, text string) {
	t.Helper()
	must(t, os.WriteFile(f.rules, []byte(text), 0o600))
}

// newFleet starts everything, and a Prometheus that scrapes it as examples/grafana says.
func newFleet(t *testing.T) *fleet {
	f := &fleet{stage: &stage{consul: partstest.Consul(t, parts.ConsulOptions{Persistent: true})}, rules: filepath.Join(t.TempDir(), "policy.yaml"), away: map[string]bool{}}
	f.each(func(service, id string, port int) { f.register(t, service, id, port, api.HealthPassing) })
	f.policy(t, "defaults: {connect_timeout: 2s}\n")
	certs, err := parts.NewCerts(t.TempDir())
	must(t, err)
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(checkout, live.Folder, name))
		must(t, err)
		return string(text)
	}
	targets := ""
	for n := range 2 {
		l := program.Legate(t, 10*time.Second, "--consul-addr", f.consul.Addr, "--policy", f.rules, "--state-dir", filepath.Join(t.TempDir(), "state"),
			"--tls-cert", certs.CertFile, "--tls-key", certs.KeyFile, "--drain-delay", "0s")
		must(t, l.Launch())
		must(t, l.AwaitReady(t.Context(), time.Minute))
		f.legates = append(f.legates, l)
		targets += fmt.Sprintf("\n      - targets: [%q]\n        labels: {instance: \"legate-%d:18001\"}", l.Admin, n+1)
	}
	const target = `- targets: ["127.0.0.1:18001"]`
	f.prometheus = &live.Prometheus{Began: time.Now(), Prometheus: partstest.Prometheus(t, parts.PrometheusOptions{
		Config: []byte(strings.Replace(read("prometheus.yml"), target, strings.TrimSpace(targets), 1)), Files: map[string][]byte{"legate.rules.yml": []byte(read("legate.rules.yml"))},
	})}
	partstest.Envoy(t, parts.EnvoyOptions{Bootstrap: program.Output(t, "bootstrap", "envoy", "--node-id", "edge-1", "--xds-address", f.legates[0].XDS,
		"--ca-file", certs.CAFile, "--server-name", "localhost", "--route", fmt.Sprintf("%d=web", freePort(t)))})
	f.join(t, certs)
	f.conn = dial(t, f.legates[0].XDS, certs)
	return f
}

// join connects clients that take everything, or some services each, and come back when Legate is away.
func (f *fleet) join(t *testing.T, certs parts.Certs) {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for n := 2; n <= 12; n++ {
		cfg := xdsclient.DefaultConfig()
		cfg.Address, cfg.Node, cfg.TLS = f.legates[n%2].XDS, &corev3.Node{Id: fmt.Sprintf("edge-%d", n), Cluster: "edge"}, trusting(certs)
		if n%3 == 0 {
			cfg.Names = kinds[n : n+4]
		}
		all.Go(func() {
			_ = xdsclient.New(cfg).Run(ctx, func(xdsclient.Event) error { return nil }) // ends with the test
		})
	}
	t.Cleanup(func() { cancel(); all.Wait() })
}

// trusting is TLS that trusts the certificates.
func trusting(certs parts.Certs) func() (*tls.Config, error) {
	return func() (*tls.Config, error) {
		pem, err := os.ReadFile(certs.CAFile)
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		return &tls.Config{RootCAs: roots, ServerName: "localhost"}, err
	}
}

// stubborn is a client that rejects one service's cluster, and asks for one that does not exist.
func (f *fleet) stubborn(ctx context.Context, t *testing.T, node, service string) (end func()) {
	c := xdstest.Open(t, f.conn, xdstest.Delta, node)
	c.Want(translate.ClusterType, "*")
	c.Want(translate.AssignmentType, "nobody")
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			switch r := c.Poll(time.Second); {
			case r == nil:
			case r.Resources[service] != nil:
				c.Nack(r, "outlier_detection.base_ejection_time: value must be greater than 0s")
			default:
				c.Ack(r)
			}
		}
	}()
	return func() { cancel(); <-ended; c.Close() }
}

// change lets an instance turn ill, or go. At the next change of its service it is well again.
func (f *fleet) change(t *testing.T, random *rand.Rand) {
	if f.quiet {
		return
	}
	of, back, one := random.IntN(len(kinds)), false, random.IntN(3)
	f.each(func(service, id string, port int) {
		if service == kinds[of] && f.away[id] {
			f.register(t, service, id, port, api.HealthPassing)
			delete(f.away, id)
			back = true
		}
	})
	f.each(func(service, id string, port int) {
		switch {
		case back || id != fmt.Sprintf("%s-%d", kinds[of], one):
			return
		case random.IntN(2) == 0:
			f.deregister(t, id)
		default:
			f.register(t, service, id, port, api.HealthCritical)
		}
		f.away[id] = true
	})
}
