package discovery

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// What a real Consul says to somebody who asks in the wrong way, or at the wrong door.
func TestARealConsulIsAskedWrongly(t *testing.T) {
	ports, err := parts.FreePorts(1)
	must(t, err)
	port := ports[0]
	agent := partstest.Consul(t, parts.ConsulOptions{ACL: true, HTTPS: true, HCL: fmt.Sprintf("ports { grpc = %d }", port)})
	base := configFor(agent)
	base.Consul.Datacenter = "dc1"
	for name, c := range map[string]struct {
		spoil          func(*Config)
		detail, advice string
	}{
		"a token that Consul does not know":  {func(c *Config) { c.Consul.Token = "00000000-0000-0000-0000-000000000000" }, "ACL not found", "does not know this token"},
		"a datacenter that it does not know": {func(c *Config) { c.Consul.Datacenter = "dc9" }, "No path to datacenter): it knows dc1", `does not know the datacenter "dc9", only dc1`},
		"the port of gRPC":                   {func(c *Config) { c.Consul.Address = fmt.Sprintf("127.0.0.1:%d", port) }, "does not speak HTTP/1.1", "8500; 8501 for HTTPS"},
		"plain HTTP on the port of HTTPS":    {func(c *Config) { c.Consul.Address = agent.HTTPSAddr }, "400 (Client sent an HTTP request to an HTTPS server.)", "use https://"},
		"HTTPS on the port of plain HTTP":    {func(c *Config) { c.Consul.Scheme = "https" }, "does not speak TLS", "use http://"},
		"another authority":                  {func(c *Config) { c.Consul.Address = "https://" + agent.HTTPSAddr }, "unknown authority", "--consul-ca-file"},
		"another name": {func(c *Config) {
			c.Consul.Address, c.Consul.TLS = "https://"+agent.HTTPSAddr, consul.TLS{CAFile: agent.Certs.CAFile, ServerName: "elsewhere"}
		}, "elsewhere", "--consul-tls-server-name"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := base
			c.spoil(&cfg)
			w, err := New(cfg, nil, nil)
			must(t, err)
			_, err = w.Read(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.detail) || !strings.Contains(err.Error(), c.advice) {
				t.Errorf("got %v, want it to say %q and %q", err, c.detail, c.advice)
			}
			if err != nil && strings.ContainsAny(err.Error(), "\x00\\") {
				t.Errorf("garbage in the error: %v", err)
			}
		})
	}
}

// A Consul that allows no more connections says so in plain HTTP. Over HTTPS it breaks them: that is
// all that there is to go by.
func TestARealConsulThatAllowsNoMoreConnectionsIsNamed(t *testing.T) {
	const most = 20
	agent := partstest.Consul(t, parts.ConsulOptions{HTTPS: true, MaxConnsPerClient: most})
	for scheme, c := range map[string]struct{ addr, advice, not string }{
		"http":  {agent.Addr, "use https", ""},
		"https": {agent.HTTPSAddr, "limits.http_max_conns_per_client", "use https"},
	} {
		t.Run(scheme, func(t *testing.T) {
			occupy := func() {
				conn, err := net.Dial("tcp", c.addr)
				must(t, err)
				t.Cleanup(func() { conn.Close() })
			}
			for range most {
				occupy()
			}
			cfg := configFor(agent)
			cfg.Consul.Address, cfg.Consul.Datacenter, cfg.Consul.TLS = scheme+"://"+c.addr, "dc1", consul.TLS{CAFile: agent.Certs.CAFile}
			eventually(t, "it has no room", func() bool {
				occupy() // a connection may have been refused because those of the other scheme were open still
				w, err := New(cfg, nil, nil)
				must(t, err)
				_, err = w.Read(t.Context())
				t.Log(err)
				return err != nil && strings.Contains(err.Error(), c.advice) && (c.not == "" || !strings.Contains(err.Error(), c.not))
			})
		})
	}
}

// A proxy that lets nothing wait for longer than half a minute is named, and --consul-wait is what
// helps; the log is not filled by it.
func TestAProxyThatCutsWaitsIsNamedAndSummedUp(t *testing.T) {
	fake := newFakeConsul("a", "b", "c")
	inTime(t, fakeConfig(), fake, func(t *testing.T, r *reader) {
		fake.spoilWaits(30*time.Second, io.EOF)
		time.Sleep(3 * time.Minute)
		for range 10 { // between the outages, too
			time.Sleep(7 * time.Second)
			if !slices.ContainsFunc(r.Status().Problems, func(p catalog.Problem) bool {
				return p.Kind == "wait_cut" && strings.Contains(p.Remedy, "ends queries that wait for 30s") && strings.Contains(p.Remedy, "--consul-wait 25s")
			}) {
				t.Errorf("not named: %+v", r.Status().Problems)
			}
		}
		time.Sleep(time.Hour)
		if away, sums := r.log.Count("does not answer as it should"), r.log.Count("again and again"); away > 6 || sums < 5 || sums > 15 {
			t.Errorf("%d lines for outages and %d that sum them up in an hour:\n%s", away, sums, r.log)
		}
		fake.spoilWaits(0, nil)
		time.Sleep(5 * time.Minute)
		if p := r.Status().Problems; len(p) > 0 {
			t.Errorf("it is over: %+v", p)
		}
	})
}

func TestAConsulThatRestartsIsNoProxyThatCutsWaits(t *testing.T) {
	fake := newFakeConsul("a", "b", "c")
	inTime(t, fakeConfig(), fake, func(t *testing.T, r *reader) {
		for range 3 {
			time.Sleep(30 * time.Second)
			fake.stop()
			time.Sleep(time.Second)
			fake.resume()
		}
		if strings.Contains(r.log.String(), "wait_cut") {
			t.Errorf("log:\n%s", r.log)
		}
	})
}

func TestTheStateOfConsulIsSaidInTheRightWords(t *testing.T) {
	for kind, want := range map[consul.Failure]string{
		consul.Unreachable: "does not answer", consul.Timeout: "does not answer", consul.Denied: "answers, and refuses", consul.Busy: "answers, and refuses",
		consul.Unavailable: "answers, and is in trouble", consul.Garbage: "answers, and is not believed", consul.WaitCut: "answers, and is cut off",
	} {
		s := Status{Problems: []catalog.Problem{{Kind: "held_emptied"}, {Kind: string(kind)}}}
		if got := s.State(); got != want {
			t.Errorf("%s: %q, want %q", kind, got, want)
		}
	}
	if got := (Status{Connected: true}).State(); got != "answers" {
		t.Errorf("well: %q", got)
	}
	if got := (Status{}).State(); got != "not asked yet" {
		t.Errorf("at the start: %q", got)
	}
}
