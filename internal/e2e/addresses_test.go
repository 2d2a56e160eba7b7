package e2e_test

import (
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
)

func (s *stage) ipv6(t *testing.T) {
	if l, err := net.Listen("tcp", "[::1]:0"); errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Skip("this machine has no IPv6")
	} else if err == nil {
		l.Close()
	}
	bare := s.backend(t, "six-bare", "[::1]:0")
	s.registerAs(t, parts.Instance{ID: "six-bare", Service: "six", Address: "::1", Port: bare.Port})
	bracketed := s.backend(t, "six-bracketed", "[::1]:0")
	s.registerAs(t, parts.Instance{ID: "six-bracketed", Service: "six", Address: "[::1]", Port: bracketed.Port})
	s.everywhere(t, func(e *envoy) error { return e.answers("six", "six-bare", "six-bracketed") })
}

func (s *stage) unixSocket(t *testing.T) {
	b := s.backend(t, "pipe-1", socketPath(t, "pipe.sock"))
	s.registerAs(t, parts.Instance{ID: "pipe-1", Service: "pipe", Socket: b.Addr})
	s.everywhere(t, func(e *envoy) error { return e.answers("pipe", "pipe-1") })
	s.everywhere(t, func(e *envoy) error { return e.hasEndpoint("pipe", b.Addr, "HEALTHY", 1) })
}

// A host name is resolved before it is served, so that every Envoy can use the instance, even in a
// static cluster of its own.
func (s *stage) hostName(t *testing.T) {
	b := s.backend(t, "named-1", "127.0.0.1:0")
	s.registerAs(t, parts.Instance{ID: "named-1", Service: "named", Address: "localhost", Port: b.Port})
	s.everywhere(t, func(e *envoy) error { return e.answers("named", "named-1") })

	s.register(t, "mixed", "mixed-1", 1)
	s.everywhere(t, func(e *envoy) error { return e.answers("mixed", "mixed-1") })
	b = s.backend(t, "mixed-2", "127.0.0.1:0")
	s.registerAs(t, parts.Instance{ID: "mixed-2", Service: "mixed", Address: "localhost", Port: b.Port})
	s.everywhere(t, func(e *envoy) error { return e.answers("mixed", "mixed-1", "mixed-2") })
	s.deregister(t, "mixed-2")
	s.everywhere(t, func(e *envoy) error { return e.answers("mixed", "mixed-1") })
}

// Each further port of a service is a cluster of its own.
func (s *stage) ports(t *testing.T) {
	first := s.backend(t, "multi-http", "127.0.0.1:0")
	second := s.backend(t, "multi-admin", "127.0.0.1:0")
	err := s.consul.Client().Agent().ServiceRegister(&api.AgentServiceRegistration{Name: "multi", Address: "127.0.0.1",
		Ports: api.ServicePorts{{Name: "http", Port: first.Port, Default: true}, {Name: "admin", Port: second.Port}}})
	if other := os.Getenv(parts.ConsulProgram().Override); err != nil && other != "" && strings.Contains(err.Error(), `unknown field "Ports"`) {
		t.Skipf("in %s a service has one port", other)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.everywhere(t, func(e *envoy) error { return e.answers("multi", "multi-http") })
	s.everywhere(t, func(e *envoy) error { return e.answers("multi.admin.port", "multi-admin") })
}
