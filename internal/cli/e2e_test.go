package cli

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"legate/internal/admin"
	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// In each mode: Consul has a service, Legate serves it, and an Envoy started with the output of
// "bootstrap envoy" sends requests to it. Then the service moves.
func TestABootstrappedEnvoyReachesAServiceAndFollowsIt(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{})
	first := partstest.Backend(t, "first", "127.0.0.1:0")
	second := partstest.Backend(t, "second", "127.0.0.1:0")
	r := serve(t, "--consul-addr", consul.Addr)
	events, err := http.Get(r.admin + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer events.Body.Close()
	for _, c := range []struct{ mode, address string }{{"delta", r.xds}, {"sotw", r.xds}, {"rest", r.rest}} {
		t.Run(c.mode, func(t *testing.T) {
			service := "web-" + c.mode
			registerAt(t, consul, service, first)
			front := closedPort(t)
			b := legate(t, nil, "bootstrap", "envoy", "--mode", c.mode, "--xds-address", c.address, "--node-id", "edge-"+c.mode, "--route", front+"="+service)
			partstest.Envoy(t, parts.EnvoyOptions{Bootstrap: []byte(b.out)})
			partstest.Eventually(t, func() error { return answers(front, "first") })
			registerAt(t, consul, service, second)
			partstest.Eventually(t, func() error { return answers(front, "second") })
			if c.mode != "rest" { // REST has no stream
				if code, status := r.get("/api/v1/status"); code != 200 || !strings.Contains(status, `"node": "edge-`+c.mode+`"`) {
					t.Errorf("the status does not know the node: %d\n%s", code, status)
				}
				if code, metrics := r.get("/metrics"); code != 200 || !strings.Contains(metrics, `legate_xds_stream_requests_total{node="edge-`+c.mode+`"`) {
					t.Errorf("the metrics do not know the node: %d", code)
				}
			}
		})
	}
	changed := 0 // the page is told of what happened meanwhile
	for lines := bufio.NewScanner(events.Body); changed < 4 && lines.Scan(); {
		if lines.Text() == "event: changed" {
			changed++
		}
	}
	if changed < 4 {
		t.Errorf("the page is told %d times that something has changed", changed)
	}
	partstest.Eventually(t, func() error { // a query that was just answered is on its way again
		code, said := r.get("/api/v1/consul")
		var asked admin.Consul
		if err := json.Unmarshal([]byte(said), &asked); err != nil || code != 200 {
			return fmt.Errorf("%d: %w\n%s", code, err, said)
		}
		if w := asked.Watches; asked.State != "answers" || w.List != 1 || w.Entries != 3 || w.Direct < 3 || asked.Pool.Busy < w.List+w.Entries+w.Direct || asked.Pool.PerConnection != 1 || len(asked.Slowest) == 0 || asked.HostNames == nil {
			return fmt.Errorf("of consul is said: %s", said)
		}
		return nil
	})
	if code, page := r.get("/consul"); code != 200 || !strings.Contains(page, "Consul at "+consul.Addr) && !strings.Contains(page, "Consul at http://"+consul.Addr) {
		t.Errorf("%d %s", code, page)
	}
}

func TestOpenStreamsDoNotHoldUpTheEndAndItReportsTheTotals(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{})
	backend := partstest.Backend(t, "web", "127.0.0.1:0")
	registerAt(t, consul, "web", backend)
	r := serve(t, "--consul-addr", consul.Addr, "--drain-delay", "0s", "--drain-spread", "10m")
	b := legate(t, nil, "bootstrap", "envoy", "--xds-address", r.xds)
	partstest.Envoy(t, parts.EnvoyOptions{Bootstrap: []byte(b.out)})
	if code := r.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	totals := r.log.await(t, "legate stopped")
	if n, _ := totals["delta_requests"].(float64); n < 4 { // a subscription and an ACK for each of two types
		t.Errorf("totals: %v", totals)
	}
}

func TestATokenThatMayNotAskTheAgentEndsWithTheRemedy(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{ACL: true})
	for _, command := range []string{"serve", "render"} {
		args := []string{command, "--consul-addr", consul.Addr}
		if command == "serve" {
			args = append(args, "--xds-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
		}
		r := legate(t, map[string]string{"CONSUL_HTTP_TOKEN": "b4d"}, args...)
		if r.code != exitFailed || !strings.Contains(r.err, "token") || strings.Contains(r.err, "b4d") {
			t.Errorf("legate %s: exit %d:\n%s", command, r.code, r.err)
		}
	}
	if r := legate(t, map[string]string{"CONSUL_HTTP_TOKEN": consul.Token}, "render", "--consul-addr", consul.Addr); r.code != 0 {
		t.Errorf("with a good token: exit %d:\n%s", r.code, r.err)
	}
}

func TestWhatWasSavedRendersLikeWhatConsulSaid(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{})
	if err := consul.Register(t.Context(), parts.Instance{Service: "web", Address: "10.1.2.3", Port: 80, Weight: 3, Tags: []string{"v1"}, Meta: map[string]string{"a": "b"}}); err != nil {
		t.Fatal(err)
	}
	if err := consul.Register(t.Context(), parts.Instance{Service: "broken", Address: "10.1.2.3", Port: 0}); err != nil {
		t.Fatal(err)
	}
	saved := t.TempDir() + "/catalog.json"
	live := legate(t, nil, "render", "--consul-addr", consul.Addr, "--save-catalog", saved)
	again := legate(t, nil, "render", "--catalog", saved)
	if live.code != 0 || live != again {
		t.Errorf("live: %+v\nsaved: %+v", live, again)
	}
	if !strings.Contains(live.out, "address: 10.1.2.3") || !strings.Contains(live.err, "left out: broken") {
		t.Errorf("%+v", live)
	}
}

func registerAt(t *testing.T, consul *parts.Consul, service string, b *parts.Backend) {
	t.Helper()
	host, _, _ := net.SplitHostPort(b.Addr)
	if err := consul.Register(t.Context(), parts.Instance{Service: service, Address: host, Port: b.Port}); err != nil {
		t.Fatal(err)
	}
}

// answers sends a request and returns an error unless want answers.
func answers(address, want string) error {
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get("http://" + address + "/")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if got := strings.TrimSpace(string(body)); answer.StatusCode != 200 || got != want {
		return fmt.Errorf("%s %q, want %q", answer.Status, got, want)
	}
	return nil
}
