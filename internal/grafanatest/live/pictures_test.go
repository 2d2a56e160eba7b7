package live_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
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

// The pictures in docs are taken by make pictures, after a story at the pace of the world: an hour, or as long as
// -story says.
var (
	pictures = flag.String("pictures", "", "a folder, to draw the dashboards into")
	length   = flag.Duration("story", time.Hour, "how long the story takes that the dashboards show")
)

// scene is something that happens in the story, from one moment to another; both are parts of its length.
type scene struct {
	from, to float64
	begin    func(ctx context.Context, t *testing.T, f *fleet) (end func())
}

func scenes() []scene {
	return []scene{
		{0.10, 0.16, func(_ context.Context, t *testing.T, f *fleet) func() {
			f.register(t, "payments", "payments-odd", 0, api.HealthPassing)
			f.policy(t, "defaults: {connect_timeout: soon}\n")
			return func() {
				f.deregister(t, "payments-odd")
				f.policy(t, "defaults: {connect_timeout: 2s}\n")
			}
		}},
		{0.22, 0.32, func(ctx context.Context, t *testing.T, f *fleet) func() {
			return f.stubborn(ctx, t, "edge-13", "payments")
		}},
		{0.40, 0.50, func(ctx context.Context, t *testing.T, f *fleet) func() {
			f.quiet = true
			must(t, f.consul.Kill())
			return func() {
				must(t, f.consul.Start(ctx))
				f.quiet = false
			}
		}},
		{0.62, 0.62, func(ctx context.Context, t *testing.T, f *fleet) func() {
			must(t, f.legates[1].Stop(time.Minute))
			must(t, f.legates[1].Launch())
			must(t, f.legates[1].AwaitReady(ctx, time.Minute))
			return func() {}
		}},
		{0.70, 0.80, func(_ context.Context, t *testing.T, f *fleet) func() {
			f.quiet = true
			f.each(func(service, id string, _ int) {
				if service > "d" {
					f.deregister(t, id)
				}
			})
			return func() {
				f.each(func(service, id string, port int) { f.register(t, service, id, port, api.HealthPassing) })
				f.quiet, f.away = false, map[string]bool{}
			}
		}},
	}
}

// fleet is a house as one might be: two Legates, a dozen Envoys, and what they serve.
type fleet struct {
	*stage
	legates []*parts.Legate
	rules   string          // the operator's policy
	quiet   bool            // nothing changes by itself
	away    map[string]bool // instances that are ill, or gone
}

var kinds = []string{"accounts", "billing", "cart", "catalog", "checkout", "images", "login", "mail", "orders", "payments", "prices", "ratings", "search", "shipping", "stock", "web"}

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

// live lets services change, all the time, and the scenes happen in between.
func (f *fleet) live(ctx context.Context, t *testing.T) {
	type cue struct {
		at time.Duration
		do func()
	}
	var cues []cue
	for _, s := range scenes() {
		var end func()
		at := func(part float64) time.Duration { return time.Duration(part * float64(*length)) }
		cues = append(cues, cue{at(s.from), func() { end = s.begin(ctx, t, f) }}, cue{at(s.to), func() { end() }})
	}
	random, began := rand.New(rand.NewPCG(1, 2)), time.Now()
	for time.Since(began) < *length {
		for len(cues) > 0 && time.Since(began) >= cues[0].at {
			t.Logf("%v", time.Since(began).Round(time.Second))
			cues[0].do()
			cues = cues[1:]
		}
		f.change(t, random)
		time.Sleep(time.Duration(random.ExpFloat64() * 8 * float64(time.Second)))
	}
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

// The dashboards of examples/grafana, as they look after the story.
func TestPictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("no -pictures FOLDER")
	}
	f := newFleet(t)
	t.Logf("Prometheus is at http://%s", f.prometheus.Addr)
	f.live(t.Context(), t)
	boards, err := filepath.Glob(filepath.Join(checkout, live.Folder, "*.json"))
	must(t, err)
	for i := range boards {
		boards[i], err = filepath.Abs(boards[i])
		must(t, err)
	}
	cmd := exec.CommandContext(t.Context(), "node", append([]string{"draw.mjs", "--prometheus", "http://" + f.prometheus.Addr, "--out", *pictures,
		"--minutes", fmt.Sprint(length.Minutes())}, boards...)...)
	cmd.Dir = filepath.Join(checkout, "tools", "draw")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	must(t, err)
}
