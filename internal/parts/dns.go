package parts

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// DNS is a small DNS server on loopback, over UDP and TCP. What it has not been told does not exist.
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

// StartDNS starts one.
func StartDNS() (*DNS, error) {
	packets, streams, err := bothListen()
	if err != nil {
		return nil, fmt.Errorf("start dns: %w", err)
	}
	d := &DNS{Addr: packets.LocalAddr().String(), names: map[string]record{}, queries: map[string]int{}}
	for _, s := range []*dns.Server{{PacketConn: packets}, {Listener: streams}} {
		s.Handler = dns.HandlerFunc(d.answer)
		d.servers = append(d.servers, s)
		go func() { _ = s.ActivateAndServe() }() // ends with Stop
	}
	return d, nil
}

// bothListen finds a port that is free for UDP and for TCP.
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

// Stop ends it.
func (d *DNS) Stop() {
	for _, s := range d.servers {
		_ = s.Shutdown() // it may not have begun
		if s.PacketConn != nil {
			s.PacketConn.Close()
		} else {
			s.Listener.Close()
		}
	}
}

// Set makes a name stand for addresses; without any it exists and has none.
func (d *DNS) Set(name string, ttl time.Duration, addresses ...string) {
	r := record{ttl: ttl}
	for _, a := range addresses {
		r.addresses = append(r.addresses, netip.MustParseAddr(a))
	}
	d.set(name, &r)
}

// Fail answers for a name with a code such as dns.RcodeServerFailure.
func (d *DNS) Fail(name string, rcode int) { d.set(name, &record{rcode: rcode}) }

// Remove makes a name one that does not exist.
func (d *DNS) Remove(name string) { d.set(name, nil) }

// Silence makes it answer nothing, or answer again.
func (d *DNS) Silence(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.silent = on
}

// Queries is how often a name was asked for, of whatever type.
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
	_ = w.WriteMsg(m) // who does not wait for it misses it
}
