package admission

import (
	"net"
	"testing"
	"time"
)

func TestTheSystemKnowsWhatDidNotArriveYet(t *testing.T) {
	if n, known := unacknowledged(pipe{}); known {
		t.Errorf("%d bytes of what is no socket", n)
	}
	addr, accepted := port(t, func(l net.Listener) net.Listener { return l })
	client := dialTCP(t, addr)
	server := <-accepted
	if n, known := unacknowledged(server); n != 0 || !known {
		t.Errorf("%d bytes of a new connection, known: %v", n, known)
	}
	_ = server.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	for _, err := server.Write(make([]byte, 1<<20)); err == nil; {
		_, err = server.Write(make([]byte, 1<<20))
	}
	if n, known := unacknowledged(server); n == 0 || !known {
		t.Errorf("%d bytes though nobody reads, known: %v", n, known)
	}
	go func() { _, _ = client.Read(make([]byte, 1)) }()
	_ = server.Close()
	if n, known := unacknowledged(server); known {
		t.Errorf("%d bytes of a closed connection", n)
	}
}
