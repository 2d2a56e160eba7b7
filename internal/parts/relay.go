package parts

import (
	"net"
)

// relay is the way into a site: what arrives at the address listen, at the same port of the host.
type relay struct {
	wan    *wan
	listen string
	port   int
	to     string // the address of the site itself
	site   string // the host that the site speaks from
	// from returns the host that a connection comes from, empty if that cannot be said.
	from func(net.Addr) string
}

// speaker is the host of the address, if sites speak from hosts of their own.
func speaker(a net.Addr) string {
	host, _, err := net.SplitHostPort(a.String())
	if err != nil || host == "127.0.0.1" {
		return "" // where a program does not choose, the kernel takes this one
	}
	return host
}

// tcp carries connections. While they are cut they stay open, and what is said arrives later.
func (r relay) tcp() error {
	l, err := net.Listen("tcp4", joinHostPort(r.listen, r.port))
	if err != nil {
		return err
	}
	r.wan.listeners = append(r.wan.listeners, l)
	r.wan.loops.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			if r.wan.keep(in) {
				r.wan.loops.Go(func() { r.carry(in) })
			}
		}
	})
	return nil
}

func (r relay) carry(in net.Conn) {
	defer r.wan.drop(in)
	from := r.from(in.RemoteAddr())
	if !r.wan.wait(from, r.site) {
		return
	}
	out, err := net.Dial("tcp4", joinHostPort(r.to, r.port))
	if err != nil || !r.wan.keep(out) {
		return // the site is down, and whoever called hears so
	}
	defer r.wan.drop(out)
	r.wan.loops.Go(func() { r.pass(out, in, from) })
	r.pass(in, out, from)
}

// pass copies until one of them ends, and then ends both.
func (r relay) pass(src, dst net.Conn, from string) {
	defer src.Close()
	defer dst.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := src.Read(buffer)
		if n > 0 {
			if !r.wan.wait(from, r.site) {
				return
			}
			if _, err := dst.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// udp carries packets in one direction: gossip is answered to the sender's own relay. What is cut is lost.
func (r relay) udp() error {
	in, err := net.ListenPacket("udp4", joinHostPort(r.listen, r.port))
	if err != nil {
		return err
	}
	r.wan.listeners = append(r.wan.listeners, in)
	to := &net.UDPAddr{IP: net.ParseIP(r.to), Port: r.port}
	r.wan.loops.Go(func() {
		buffer := make([]byte, 64<<10)
		for {
			n, from, err := in.ReadFrom(buffer)
			if err != nil {
				return
			}
			if passes, _ := r.wan.passes(r.from(from), r.site); passes {
				_, _ = in.WriteTo(buffer[:n], to) // a packet may be lost
			}
		}
	})
	return nil
}
