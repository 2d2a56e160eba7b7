package listen

import (
	"cmp"
	"net"
	"sync"
	"time"
)

// Bounds say how many connections a listener has open at most. Each is a file of the process, and
// files are needed for other things, too.
type Bounds struct {
	Connections int // in all
	PerAddress  int // from one address (see Address)
	// Near is how many of Connections only this machine has: loopback and unix sockets. What watches
	// Legate from beside it gets in whatever comes from elsewhere.
	Near int
}

// Refusal is why a connection was closed.
type Refusal string

// The reasons.
const (
	// TooMany and TooManyOfAddress: it was new, and there was no room, also none to be made.
	TooMany          Refusal = "connections"
	TooManyOfAddress Refusal = "connections_per_address"
	// Displaced: it had asked nothing, and there was no room for a new one.
	Displaced Refusal = "displaced"
)

// Bounded is a listener with so many connections at most. Where there is no room for a new one, the
// one goes that was silent for longest, of the address that has most, if it awaits no answer: who
// only holds connections keeps nobody out, and a request is not cut off. An address cannot displace
// those of another that has fewer than itself. Else the new one is closed at once, before TLS. tell
// hears of each that was closed for want of room.
func Bounded(l net.Listener, b Bounds, tell func(why Refusal, from net.Addr)) net.Listener {
	return &bounded{Listener: l, bounds: b, tell: tell, began: time.Now(), of: map[string]int{}, open: map[*visit]struct{}{}}
}

type bounded struct {
	net.Listener
	bounds Bounds
	tell   func(Refusal, net.Addr)
	began  time.Time

	mu   sync.Mutex
	of   map[string]int // connections by address
	far  int            // connections from other machines
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
		_ = conn.Close() // nothing was said on it
	}
}

// enter counts a connection in, and another one out if that makes the room for it.
func (l *bounded) enter(conn net.Conn) (v, out *visit, refused Refusal) {
	v = &visit{Conn: conn, within: l, address: Address(conn.RemoteAddr()), near: near(conn.RemoteAddr()), closed: make(chan struct{})}
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

// full says among which connections one has to go before there is room for a new one; nil if there is
// room. The lock is held.
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

// silent is the connection that goes for a new one; nil if there is none. The lock is held.
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

// remove counts a connection out, once. The lock is held.
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
