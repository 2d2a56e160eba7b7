package e2e_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
)

// closedConnections: two long-lived connections of TCP proxies. That Consul calls their instances critical closes
// neither. When Envoy's own check fails, the one is closed whose policy says so, and the other one goes on.
func closedConnections() policyStory {
	const (
		checks      = `health_checks: [{type: tcp, send: "healthy?\n", receive: "yes", timeout: 10s, interval: 100ms, no_traffic_interval: 100ms, unhealthy_threshold: 1, healthy_threshold: 1}]`
		cut, spared = "tunnel-cut", "tunnel-spared"
	)
	echoes := map[string]*echoServer{}
	return policyStory{
		name:     "connections to an instance that turns critical",
		services: []string{cut, spared},
		rules: fixed(`
- match: {names: [` + cut + `, ` + spared + `]}
  protocol: tcp
  ` + checks + `
- match: {names: [` + cut + `]}
  close_connections_on_host_health_failure: true
`),
		register: func(t *testing.T, s *stage) {
			for _, service := range []string{cut, spared} {
				echoes[service] = newEchoServer(t)
				s.registerAt(t, service, service+"-1", echoes[service].Addr().String())
			}
		},
		chains: map[string]func(*testing.T, object){cut: tunnelTo(cut), spared: tunnelTo(spared)},
		show: func(t *testing.T, s *stage) {
			const closed = "cluster." + spared + ".upstream_cx_destroy"
			e, open := s.envoys[0], map[string]*tunnel{}
			for service, echo := range echoes {
				eventually(t, func() error { return e.reaches(t, "cluster."+service+".health_check.success", 1) })
				eventually(t, func() (err error) { open[service], err = dig(t, e.ports[service]); return err })
				s.setHealth(t, service+"-1", api.HealthCritical)
				eventually(t, func() error { return e.hasEndpoint(service, echo.Addr().String(), "UNHEALTHY", 1) })
				if err := open[service].says("are you there"); err != nil {
					t.Errorf("%s, which Consul calls critical: %v", service, err)
				}
			}
			before := e.stat(t, closed)
			for service, echo := range echoes {
				echo.sick.Store(true)
				eventually(t, func() error { return e.reaches(t, "cluster."+service+".health_check.failure", 1) })
			}
			if line, err := open[cut].lines.ReadString('\n'); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the connection that is to be closed: %q, %v", line, err)
			}
			if err := open[spared].says("are you still there"); err != nil {
				t.Errorf("the connection that nobody wants closed: %v", err)
			}
			if n := e.stat(t, closed) - before; n != 0 {
				t.Errorf("%d of its connections were closed", n)
			}
		},
	}
}

// tunnelTo makes a filter chain a TCP proxy.
func tunnelTo(service string) func(*testing.T, object) {
	return func(_ *testing.T, chain object) {
		chain["filters"] = []any{object{"name": "envoy.filters.network.tcp_proxy", "typed_config": object{
			"@type":       "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
			"stat_prefix": service, "cluster": service,
		}}}
	}
}

// echoServer repeats each line, and answers checks.
type echoServer struct {
	net.Listener
	sick atomic.Bool
}

func newEchoServer(t *testing.T) *echoServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s := &echoServer{Listener: l}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return s
}

// serve ends with the connection, which Envoy ends.
func (s *echoServer) serve(conn net.Conn) {
	defer conn.Close()
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		answer := lines.Text()
		if answer == "healthy?" {
			if s.sick.Load() {
				return
			}
			answer = "yes"
		}
		if _, err := fmt.Fprintln(conn, answer); err != nil {
			return
		}
	}
}

// tunnel is a connection through a TCP proxy.
type tunnel struct {
	net.Conn
	lines *bufio.Reader
}

// dig opens a tunnel that works.
func dig(t *testing.T, port int) (*tunnel, error) {
	conn, err := net.DialTimeout("tcp", parts.Loopback(port), patience)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	tun := &tunnel{conn, bufio.NewReader(conn)}
	if err := tun.says("hello"); err != nil {
		conn.Close()
		return nil, err
	}
	t.Cleanup(func() { conn.Close() })
	return tun, nil
}

// says sends a line, and wants it back.
func (tun *tunnel) says(line string) error {
	if _, err := fmt.Fprintln(tun, line); err != nil {
		return err
	}
	got, err := tun.lines.ReadString('\n')
	if err == nil && strings.TrimSpace(got) != line {
		err = fmt.Errorf("the answer is %q", got)
	}
	return err
}
