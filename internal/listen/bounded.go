package listen

import (
	"cmp"
	"net"
	"sync"
	"time"
)

// Bounds limit the open connections of a listener. Each is an open file of the process, which needs
// files for other things, too.
type Bounds struct {
	Connections int // in all
	PerAddress  int // from one address (see Address)
	// Near is the part of Connections that is reserved for this machine: loopback and unix sockets.
	// So a monitor on the same machine gets in, however many clients come from elsewhere.
	Near int
}

// Refusal is why a connection was closed.
type Refusal string

// The reasons.
const (
	// TooMany and TooManyOfAddress: a new connection was refused, since no other could be
	// displaced.
	TooMany          Refusal = "connections"
	TooManyOfAddress Refusal = "connections_per_address"
	// Displaced: an idle connection was closed for a new one.
	Displaced Refusal = "displaced"
)

// Bounded limits the connections of a listener. If there is no room for a new one, it displaces the
// longest idle connection of the address that has most: so clients that only hold connections keep
// nobody out, and no request is cut off. An address cannot displace connections of an address with
// fewer than its own. If nothing can be displaced, the new connection is closed at once, before
// TLS. tell is called for each connection closed for want of room.
func Bounded(l net.Listener, b Bounds, tell func(why Refusal, from net.Addr)) net.Listener {
	return &bounded{Listener: l, bounds: b, tell: tell, began: time.Now(), of: map[string]int{}, open: map[*visit]struct{}{}}
}

type bounded struct {
	net.Listener
	bounds Bounds
	tell   func(Refusal, net.Addr)
	began  time.Time

	mu   sync.Mutex
	of   map[string]int // number of connections by address
	far  int            // number of connections from other machines
	open map[*visit]struct{}
}

// Accept returns the next connection for which there is room.
func (l *bounded) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		v, out, refused := l.enter(conn)
		if out != nil {
			l.tell(Displaced, out.RemoteAddr())
			out.displace()
		}
		if refused == "" {
			return v, nil
		}
		l.tell(refused, conn.RemoteAddr())
		_ = conn.Close() // nothing was exchanged on it
	}
}

// enter adds a connection and, if that makes room, removes another one (out).
func (l *bounded) enter(conn net.Conn) (v, out *visit, refused Refusal) {
	v = &visit{Conn: conn, within: l, address: Address(conn.RemoteAddr()), near: IsLocal(conn.RemoteAddr()), closed: make(chan struct{})}
	l.mu.Lock()
	defer l.mu.Unlock()
	if among := l.full(v); among != nil {
		if out = l.silent(v, among); out == nil {
			if l.of[v.address] >= l.bounds.PerAddress {
				return nil, nil, TooManyOfAddress
			}
			return nil, nil, TooMany
		}
		l.remove(out)
	}
	v.touch(false)
	l.open[v] = struct{}{}
	l.of[v.address]++
	if !v.near {
		l.far++
	}
	return v, out, ""
}

// full returns which connections may be displaced for a new one; nil if there is room. The caller
// holds the lock.
func (l *bounded) full(v *visit) (among func(*visit) bool) {
	switch {
	case l.of[v.address] >= l.bounds.PerAddress:
		return func(o *visit) bool { return o.address == v.address }
	case !v.near && l.far >= l.bounds.Connections-l.bounds.Near:
		return func(o *visit) bool { return !o.near }
	case len(l.open) >= l.bounds.Connections:
		return func(*visit) bool { return true }
	}
	return nil
}

// silent returns the connection to displace; nil if there is none. The caller holds the lock.
func (l *bounded) silent(v *visit, among func(*visit) bool) (out *visit) {
	now := time.Since(l.began)
	for o := range l.open {
		if !among(o) || !o.idle(now) || l.of[o.address] < l.of[v.address] {
			continue
		}
		if out == nil || cmp.Or(cmp.Compare(l.of[o.address], l.of[out.address]), cmp.Compare(out.last.Load(), o.last.Load())) > 0 {
			out = o
		}
	}
	return out
}

// remove removes a connection, once. The caller holds the lock.
func (l *bounded) remove(v *visit) {
	if _, is := l.open[v]; !is {
		return
	}
	delete(l.open, v)
	if l.of[v.address]--; l.of[v.address] == 0 {
		delete(l.of, v.address)
	}
	if !v.near {
		l.far--
	}
}
