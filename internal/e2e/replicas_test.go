package e2e_test

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"legate/internal/parts"
)

// Two Legates watch one Consul. Envoys move from one to the other while that one has read only half
// of Consul: it sends nothing before it has read everything, and then nothing that they have
// already.
func TestEnvoysMoveToAnotherLegateThatHasReadHalfOfConsul(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	s.register(t, "shop", "shop-1", 1)
	s.register(t, "shop", "shop-2", 1)
	s.register(t, "bakery", "bakery-1", 1)
	first := startLegate(t, s.consul)
	road := newCrossing(t, first.XDS)
	s.legate = &legate{Legate: &parts.Legate{XDS: road.addr}}
	for _, w := range []way{adsDelta, adsSotW} {
		s.envoys = append(s.envoys, startEnvoy(t, s.legate, w, "shop", "bakery"))
	}
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1", "shop-2") })
	s.everywhere(t, func(e *envoy) error { return e.answers("bakery", "bakery-1") })
	before := make(map[*envoy]map[string]int)
	var flows []*flow
	for _, e := range s.envoys {
		before[e] = e.rebuilt(t)
		flows = append(flows, visit(t, e, "shop"), visit(t, e, "bakery"))
	}
	unchanged := func(when string) {
		t.Helper()
		for _, f := range flows {
			f.goesOn(t)
		}
		for e, was := range before {
			if now := e.rebuilt(t); !maps.Equal(now, was) {
				t.Errorf("%s, %s: was %v, is %v", e.way.name, when, was, now)
			}
		}
	}

	gate := newGate(t, s.consul, "/v1/health/service/shop")
	second := newLegate(t, nil, "--consul-addr", gate.addr)
	second.launch(t)
	<-gate.reached
	road.redirect(second.XDS)
	s.legate = second
	eventually(t, func() error {
		if n := len(second.status(t).Streams); n < 2 {
			return fmt.Errorf("%d streams", n)
		}
		return nil
	})
	first.stop(t)
	if _, err := second.get("/readyz"); err == nil {
		t.Fatal("the second Legate is ready, and has read half of Consul")
	}
	time.Sleep(time.Second)
	for _, e := range s.envoys {
		if n := second.deltaResponses(t, e.way.name); n != 0 {
			t.Errorf("%s got %d responses from half a catalog", e.way.name, n)
		}
	}
	unchanged("at a Legate with half a catalog")

	gate.open()
	second.awaitReady(t)
	s.reconnected(t)
	unchanged("at the other Legate")
	if n := second.deltaResponses(t, adsDelta.name); n != 0 {
		t.Errorf("an envoy that moved was told %d times what it knows", n)
	}

	s.register(t, "shop", "shop-3", 1)
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1", "shop-2", "shop-3") })
	for _, f := range flows {
		f.goesOn(t)
	}
}

// crossing is a proxy that leads new connections to the address that was set last.
type crossing struct {
	addr string

	mu   sync.Mutex
	to   string
	open map[net.Conn]bool
}

func newCrossing(t testing.TB, to string) *crossing {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &crossing{addr: l.Addr().String(), to: to, open: map[net.Conn]bool{}}
	t.Cleanup(func() { l.Close(); c.redirect("") })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go c.carry(in)
		}
	}()
	return c
}

func (c *crossing) carry(in net.Conn) {
	defer in.Close()
	c.mu.Lock()
	to := c.to
	c.open[in] = true
	c.mu.Unlock()
	out, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer out.Close()
	go func() { _, _ = io.Copy(out, in); out.Close() }()
	_, _ = io.Copy(in, out)
}

// redirect leads new connections elsewhere, and breaks the existing ones.
func (c *crossing) redirect(to string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.to = to
	for conn := range c.open {
		conn.Close()
	}
	clear(c.open)
}

// gate is a Consul that does not answer one query until it is opened.
type gate struct {
	addr    string
	reached chan struct{} // closed when that query has arrived
	open    func()
}

func newGate(t testing.TB, consul *parts.Consul, path string) *gate {
	t.Helper()
	opened := make(chan struct{})
	g := &gate{reached: make(chan struct{}), open: sync.OnceFunc(func() { close(opened) })}
	reached := sync.OnceFunc(func() { close(g.reached) })
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: consul.Addr})
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) {} // Legate stops at the end
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path {
			reached()
			select {
			case <-opened:
			case <-r.Context().Done():
				return
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { g.open(); server.CloseClientConnections(); server.Close() })
	g.addr = server.Listener.Addr().String()
	return g
}

var replicas = flag.Bool("replicas", false, "run the story of replicas behind one bootstrap, as make replicas does")

// Two Legates behind one bootstrap: one is killed, the other one stopped and started again with another state. Envoys that
// know both addresses, and Envoys that find them by Consul's DNS, move, are sent nothing that they have, and serve all the
// time.
func TestTwoLegatesBehindOneBootstrap(t *testing.T) {
	if !*replicas {
		t.Skip("make replicas runs it")
	}
	s := newStage(t, parts.ConsulOptions{DNS: true})
	s.register(t, "shop", "shop-1", 1)
	s.register(t, "shop", "shop-2", 1)
	// Legates that come and go are a change of their own service, which these Envoys are not interested in.
	first := newLegate(t, s.consul, "--exclude", "legate", "--register", "--state-dir", t.TempDir())
	second := newLegate(t, s.consul, "--exclude", "legate", "--register", "--state-dir", t.TempDir(), "--register-id", "legate-2")
	_, port, err := net.SplitHostPort(first.XDS)
	must(t, err)
	second.Args[slices.Index(second.Args, second.XDS)] = "127.0.0.2:" + port
	second.XDS = "127.0.0.2:" + port
	first.launch(t)
	first.awaitReady(t)
	eventually(t, func() error { return named(s.consul, "legate", port) })

	known := way{name: "addresses", mode: "delta", args: []string{"--xds-address", second.XDS}, cds: true}
	found := way{name: "DNS", mode: "delta", args: []string{"--dns-server", s.consul.DNSAddr}, cds: true}
	whole := way{name: "SotW, DNS", mode: "sotw", args: found.args, cds: true}
	byName := &legate{Legate: &parts.Legate{XDS: "legate.service.consul:" + port}}
	s.envoys = []*envoy{startEnvoy(t, first, known, "shop", "new"), startEnvoy(t, byName, found, "shop", "new"), startEnvoy(t, byName, whole, "shop", "new")}
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1", "shop-2") })
	var flows []*flow
	before := make(map[*envoy]map[string]int)
	for _, e := range s.envoys {
		flows, before[e] = append(flows, visit(t, e, "shop")), e.rebuilt(t)
	}
	moved := func(to *legate, why string) {
		t.Helper()
		began := time.Now()
		s.legate = to
		s.reconnected(t)
		t.Logf("%s: all Envoys had moved after %v", why, time.Since(began))
		for _, e := range s.envoys {
			if now := e.rebuilt(t); !maps.Equal(now, before[e]) {
				t.Errorf("%s, %s: was %v, is %v", why, e.way.name, before[e], now)
			}
			if n := to.deltaResponses(t, e.way.name); n != 0 && e.way.mode == "delta" {
				t.Errorf("%s: %s was told %d times what it knows", why, e.way.name, n)
			}
		}
		for _, f := range flows {
			f.goesOn(t)
		}
	}

	second.launch(t)
	second.awaitReady(t)
	must(t, first.Kill())
	moved(second, "one is killed")

	first.Args = append(first.Args, "--state-dir", t.TempDir()) // the last one counts
	first.launch(t)
	first.awaitReady(t)
	second.stop(t)
	moved(first, "the other one is upgraded")
	second.launch(t)
	second.awaitReady(t)

	s.register(t, "new", "new-1", 1)
	s.everywhere(t, func(e *envoy) error { return e.answers("new", "new-1") })
	for _, f := range flows {
		f.goesOn(t)
	}
}
