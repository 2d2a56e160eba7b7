package parts

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// DNS is a small DNS server on loopback, over UDP and TCP. Names that were not set do not exist.
type DNS struct {
	Addr string // host:port of both

	servers []*dns.Server

	mu      sync.Mutex
	names   map[string]record
	silent  bool
	queries map[string]int
}

type record struct {
	addresses []netip.Addr
	ttl       time.Duration
	rcode     int
}

// StartDNS starts a DNS server.
func StartDNS() (*DNS, error) {
	packets, streams, err := bothListen()
	if err != nil {
		return nil, fmt.Errorf("start dns: %w", err)
	}
	d := &DNS{Addr: packets.LocalAddr().String(), names: map[string]record{}, queries: map[string]int{}}
	for _, s := range []*dns.Server{{PacketConn: packets}, {Listener: streams}} {
		s.Handler = dns.HandlerFunc(d.answer)
		d.servers = append(d.servers, s)
		go func() { _ = s.ActivateAndServe() }() // ended by Stop
	}
	return d, nil
}

// bothListen opens a port that is free for both UDP and TCP.
func bothListen() (packets net.PacketConn, streams net.Listener, err error) {
	for range 20 {
		if packets, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
			return nil, nil, err
		}
		if streams, err = net.Listen("tcp", packets.LocalAddr().String()); err == nil {
			return packets, streams, nil
		}
		packets.Close()
	}
	return nil, nil, err
}

// Stop stops the server.
func (d *DNS) Stop() {
	for _, s := range d.servers {
		_ = s.Shutdown() // it may not have started
		if s.PacketConn != nil {
			s.PacketConn.Close()
		} else {
			s.Listener.Close()
		}
	}
}

// Set gives a name these addresses. Without any, the name exists but has no address.
func (d *DNS) Set(name string, ttl time.Duration, addresses ...string) {
	r := record{ttl: ttl}
	for _, a := range addresses {
		r.addresses = append(r.addresses, netip.MustParseAddr(a))
	}
	d.set(name, &r)
}

// Fail makes answers for a name fail with a code such as dns.RcodeServerFailure.
func (d *DNS) Fail(name string, rcode int) { d.set(name, &record{rcode: rcode}) }

// Remove makes a name nonexistent.
func (d *DNS) Remove(name string) { d.set(name, nil) }

// Silence turns answers off or on again.
func (d *DNS) Silence(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.silent = on
}

// Queries returns how often a name was queried, for any type.
func (d *DNS) Queries(name string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.queries[dns.CanonicalName(name)]
}

func (d *DNS) set(name string, r *record) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if delete(d.names, dns.CanonicalName(name)); r != nil {
		d.names[dns.CanonicalName(name)] = *r
	}
}

func (d *DNS) answer(w dns.ResponseWriter, q *dns.Msg) {
	asked := q.Question[0]
	name := dns.CanonicalName(asked.Name)
	d.mu.Lock()
	r, known := d.names[name]
	silent := d.silent
	d.queries[name]++
	d.mu.Unlock()
	if silent {
		return
	}
	m := new(dns.Msg).SetReply(q)
	if m.Rcode = r.rcode; !known {
		m.Rcode = dns.RcodeNameError
	}
	for _, a := range r.addresses {
		header := dns.RR_Header{Name: asked.Name, Rrtype: asked.Qtype, Class: dns.ClassINET, Ttl: uint32(r.ttl / time.Second)}
		switch {
		case a.Is4() && asked.Qtype == dns.TypeA:
			m.Answer = append(m.Answer, &dns.A{Hdr: header, A: a.AsSlice()})
		case a.Is6() && asked.Qtype == dns.TypeAAAA:
			m.Answer = append(m.Answer, &dns.AAAA{Hdr: header, AAAA: a.AsSlice()})
		}
	}
	if _, datagram := w.LocalAddr().(*net.UDPAddr); datagram {
		m.Truncate(1232)
	}
	_ = w.WriteMsg(m) // the client may have given up
}
