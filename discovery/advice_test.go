package discovery

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// What Consul, or what answers in its place, says is wrong decides what is advised.
func TestTheRemedyFollowsWhatIsSaid(t *testing.T) {
	status := func(code int, body string) error { return short(api.StatusError{Code: code, Body: body}) }
	for _, c := range []struct {
		err  error
		says string
		not  string
	}{
		{status(403, "ACL not found"), "Consul does not know this token", "service:read"},
		{status(403, "Permission denied: anonymous token lacks permission 'service:read' on \"web\""), "service:read", "know this token"},
		{status(401, "<html>401</html>"), "--consul-http-auth", "service:read"},
		{status(429, "RPC rate limit exceeded"), "limits.rpc_rate", "https"},
		{status(429, "rate limit exceeded, try again later or against a different server"), "limits.request_limits", "https"},
		{status(503, "rate limit exceeded for operation that can only be performed by the leader, try again later"), "limits.request_limits", "leader?"},
		{status(429, "Your IP is issuing too many concurrent connections, please rate limit your calls\n"), "limits.http_max_conns_per_client", "in front"},
		{status(429, "slow down"), "in front of Consul limits", "http_max_conns"},
		{status(500, "No cluster leader"), "is there a leader", ""},
		{status(502, "<html><head><title>502 Bad Gateway</title></head></html>"), "in front of Consul", "leader"},
		{status(503, "no healthy upstream"), "in front of Consul", "leader"},
		{waitCut{30 * time.Second, errClosed}, "ends queries that wait for 30s: let it wait for 75s, go to Consul's agent itself, or set --consul-wait 25s", ""},
		{noPath{"dc9", []string{"dc1", "dc2"}, status(500, "No path to datacenter")}, `does not know the datacenter "dc9", only dc1, dc2`, "leader"},
		{noPath{"dc2", []string{"dc1", "dc2"}, status(500, "No path to datacenter")}, "does not reach its servers", "leader"},
		{short(&url.Error{Err: errors.New("malformed HTTP response \"\\x00\\x00\\x06\"")}), "8502", "what stands between"},
		{x509.SystemRootsError{Err: os.ErrPermission}, "--consul-ca-file", "TLS settings"},
	} {
		err := fmt.Errorf("query consul %q: %w", "/v1/x", c.err)
		if got := remedyOf(err); !strings.Contains(got, c.says) || c.not != "" && strings.Contains(got, c.not) {
			t.Errorf("%v: %q, want %q in it and not %q", err, got, c.says, c.not)
		}
	}
}

// Who speaks HTTPS already is not told to.
func TestNoRemedyNamesWhatIsDoneAlready(t *testing.T) {
	crowded := api.StatusError{Code: 429, Body: "Your IP is issuing too many concurrent connections, please rate limit your calls"}
	for scheme, told := range map[string]bool{"http": true, "https": false} {
		c := &consul{address: address{scheme: scheme}}
		got := remedyOf(fmt.Errorf("query consul: %w", c.explain(t.Context(), reply{}, crowded)))
		if strings.Contains(got, "https") != told || !strings.Contains(got, "limits.http_max_conns_per_client") {
			t.Errorf("over %s: %q", scheme, got)
		}
	}
}

func TestWhatAnswersInConsulsPlaceIsReadable(t *testing.T) {
	for body, want := range map[string]string{
		"<html>\n<head><title>502 Bad Gateway</title></head>\n<body>more</body>": "502 Bad Gateway",
		"plain\nmore":            "plain",
		"\x00\x01\xff\xfewords":  "words",
		strings.Repeat("ü", 200): strings.Repeat("ü", 150),
	} {
		if got := firstLine(body); got != want {
			t.Errorf("%q: %q, want %q", body, got, want)
		}
	}
}

// What a real Consul says to somebody who asks in the wrong way, or at the wrong door.
func TestARealConsulIsAskedWrongly(t *testing.T) {
	ports, err := parts.FreePorts(1)
	must(t, err)
	port := ports[0]
	consul := partstest.Consul(t, parts.ConsulOptions{ACL: true, HTTPS: true, HCL: fmt.Sprintf("ports { grpc = %d }", port)})
	base := configFor(consul)
	base.Datacenter = "dc1"
	for name, c := range map[string]struct {
		spoil          func(*Config)
		detail, advice string
	}{
		"a token that Consul does not know":  {func(c *Config) { c.Token = "00000000-0000-0000-0000-000000000000" }, "ACL not found", "does not know this token"},
		"a datacenter that it does not know": {func(c *Config) { c.Datacenter = "dc9" }, "No path to datacenter): it knows dc1", `does not know the datacenter "dc9", only dc1`},
		"the port of gRPC":                   {func(c *Config) { c.Address = fmt.Sprintf("127.0.0.1:%d", port) }, "does not speak HTTP/1.1", "8500; 8501 for HTTPS"},
		"plain HTTP on the port of HTTPS":    {func(c *Config) { c.Address = consul.HTTPSAddr }, "400 (Client sent an HTTP request to an HTTPS server.)", "use https://"},
		"HTTPS on the port of plain HTTP":    {func(c *Config) { c.Scheme = "https" }, "does not speak TLS", "use http://"},
		"another authority":                  {func(c *Config) { c.Address = "https://" + consul.HTTPSAddr }, "unknown authority", "--consul-ca-file"},
		"another name": {func(c *Config) {
			c.Address, c.TLS = "https://"+consul.HTTPSAddr, TLS{CAFile: consul.Certs.CAFile, ServerName: "elsewhere"}
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
	consul := partstest.Consul(t, parts.ConsulOptions{HTTPS: true, MaxConnsPerClient: most})
	for scheme, c := range map[string]struct{ addr, advice, not string }{
		"http":  {consul.Addr, "use https", ""},
		"https": {consul.HTTPSAddr, "limits.http_max_conns_per_client", "use https"},
	} {
		t.Run(scheme, func(t *testing.T) {
			for range most {
				conn, err := net.Dial("tcp", c.addr)
				must(t, err)
				t.Cleanup(func() { conn.Close() })
			}
			cfg := configFor(consul)
			cfg.Address, cfg.Datacenter, cfg.TLS = scheme+"://"+c.addr, "dc1", TLS{CAFile: consul.Certs.CAFile}
			eventually(t, "it has no room", func() bool {
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
			if !slices.ContainsFunc(r.Status().Problems, func(p Problem) bool {
				return p.Kind == "wait_cut" && strings.Contains(p.Remedy, "ends queries that wait for 30s") && strings.Contains(p.Remedy, "--consul-wait 25s")
			}) {
				t.Errorf("not named: %+v", r.Status().Problems)
			}
		}
		time.Sleep(time.Hour)
		if away, sums := r.log.count("does not answer as it should"), r.log.count("again and again"); away > 6 || sums < 5 || sums > 15 {
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

func TestOutagesThatComeAgainAreSummedUpUnlessTheyLast(t *testing.T) {
	now := time.Now()
	r := &relapses{}
	for range relapseLines {
		if !r.line(now) {
			t.Error("the first have lines")
		}
		r.end(true, nil, now)
	}
	for n := range 10 {
		now = now.Add(time.Minute)
		if r.line(now) {
			t.Error("a line for each")
		}
		r.end(false, io.EOF, now)
		if got, want := r.sum(now), map[int]int{5: 6}[n]; got != want {
			t.Errorf("after %d: %d, want %d", n, got, want)
		}
	}
	if now = now.Add(relapseQuiet + 1); !r.line(now) {
		t.Error("it was quiet")
	}
}

func TestTheStateOfConsulIsSaidInTheRightWords(t *testing.T) {
	for kind, want := range map[failure]string{
		unreachable: "does not answer", late: "does not answer", denied: "answers, and refuses", busy: "answers, and refuses",
		unavailable: "answers, and is in trouble", garbage: "answers, and is not believed", waiting: "answers, and is cut off",
	} {
		s := Status{Problems: []Problem{{Kind: "held_emptied"}, {Kind: string(kind)}}}
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
