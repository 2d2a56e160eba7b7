package resolve

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"legate/discovery/catalog"
	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// Consul's own DNS leaves out of a datagram what does not fit, at random, and does not say so: each
// answer would be another part of the service.
func TestAllInstancesBehindANameOfConsulsDNSAreFound(t *testing.T) {
	ports, err := parts.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	at := parts.Loopback(ports[0])
	consul := partstest.Consul(t, parts.ConsulOptions{HCL: fmt.Sprintf("ports { dns = %d }", ports[0])})
	const most = 150
	var want []string
	r := New(quick(t, &parts.DNS{Addr: at}), slog.New(slog.DiscardHandler), nil)
	for n := range most {
		address := fmt.Sprintf("10.1.%d.%d", n/100, n%100+1)
		if err := consul.Register(t.Context(), parts.Instance{ID: fmt.Sprint("many-", n), Service: "many", Address: address, Port: 80}); err != nil {
			t.Fatal(err)
		}
		want = append(want, address)
		if n := n + 1; n != 1 && n != 60 && n != 80 && n != most {
			continue
		}
		slices.Sort(want)
		for range 3 {
			if got := found(t, r, "many.service.consul"); !slices.Equal(got, want) {
				t.Errorf("%d of %d are found", len(got), len(want))
			}
		}
	}
	if conn, err := net.DialTimeout("tcp", at, time.Second); err != nil {
		t.Errorf("its DNS is not there: %v", err)
	} else {
		conn.Close()
	}
}

// A Consul that asks no other DNS server knows the host name of its instance, and no address for it.
func TestAnAliasThatLeadsNowhereIsNamed(t *testing.T) {
	ports, err := parts.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	consul := partstest.Consul(t, parts.ConsulOptions{HCL: fmt.Sprintf("ports { dns = %d }", ports[0])})
	if err := consul.Register(t.Context(), parts.Instance{ID: "db", Service: "db", Address: "db.example", Port: 80}); err != nil {
		t.Fatal(err)
	}
	s := begin(t, func(c *Config, _ *Resolver) { c.Servers = []string{parts.Loopback(ports[0])} })
	s.give(service("alias", "db.service.consul"))
	s.await("handed out", func(c catalog.Catalog) bool { return len(c.Services) == 1 })
	eventually(t, func() bool { return len(s.Status().Troubled) == 1 })
	if got := s.Status().Troubled[0].Detail; !strings.Contains(got, `an alias of "db.example."`) || !strings.Contains(got, "recursors") {
		t.Errorf("it says %q", got)
	}
}

// found are the addresses of a host name, as texts in order.
func found(t *testing.T, r *Resolver, host string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c := r.Once(ctx, catalog.Catalog{}.Apply(catalog.Delta{Set: []catalog.Service{service("one", host)}}))
	var all []string
	for _, a := range c.Services[key("one")].Hosts[host].Addresses {
		all = append(all, a.String())
	}
	slices.Sort(all)
	return all
}

// A server that answers over UDP alone has answered.
func TestALongAnswerCountsWhereThereIsNoTCP(t *testing.T) {
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	const most = 40
	server := &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		for n := range most {
			m.Answer = append(m.Answer, &dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(10, 0, 0, byte(n))})
		}
		_ = w.WriteMsg(m) // who asked will say that it is missing
	})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.ActivateAndServe() // it ends with its socket
	}()
	t.Cleanup(func() {
		packets.Close()
		<-ended
	})
	r := New(quick(t, &parts.DNS{Addr: packets.LocalAddr().String()}), slog.New(slog.DiscardHandler), nil)
	if got := found(t, r, "many.example"); len(got) != most {
		t.Errorf("%d of %d are found", len(got), most)
	}
}
