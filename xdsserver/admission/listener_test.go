package admission

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// port is a listener on this machine. What it accepts comes out of a channel, which ends with it.
func port(t *testing.T, wrap func(net.Listener) net.Listener) (addr string, accepted <-chan net.Conn) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, out := wrap(inner), make(chan net.Conn, 10)
	go func() {
		defer close(out)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			out <- conn
		}
	}()
	t.Cleanup(func() {
		_ = inner.Close()
		for conn := range out {
			_ = conn.Close()
		}
	})
	return inner.Addr().String(), out
}

func dialTCP(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// isEnded reports whether the server closes a connection within a time that is long enough for that.
func isEnded(conn net.Conn, within time.Duration) bool {
	_ = conn.SetReadDeadline(time.Now().Add(within))
	_, err := conn.Read(make([]byte, 1))
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

const patience = 30 * time.Second

func TestAConnectionBeyondTheLimitIsClosedAndCounted(t *testing.T) {
	w := newWorld(t, func(l *Limits) { l.Connections, l.ConnectionsPerAddress = 1, 1 })
	addr, accepted := port(t, w.Listen)
	dialTCP(t, addr)
	first := <-accepted
	if !isEnded(dialTCP(t, addr), patience) {
		t.Error("the second one stays open")
	}
	met := w.refusals.All()[0]
	if met.Limit != LimitConnections || met.Count != 1 || met.From == "" {
		t.Errorf("%+v", met)
	}
	_ = first.Close()
	third := dialTCP(t, addr)
	if conn := <-accepted; conn.RemoteAddr().String() != third.LocalAddr().String() {
		t.Errorf("%v is accepted, not %v", conn.RemoteAddr(), third.LocalAddr())
	}
}

// A connection that waits in a penalty queue is not accepted, and not closed.
func TestAQueuedConnectionStaysOpen(t *testing.T) {
	w := newWorld(t, func(l *Limits) { l.RefusedStreams, l.Returns, l.NewStreamWait = 1, 1, time.Minute })
	addr, accepted := port(t, w.Listen)
	dialTCP(t, addr)
	bad := (<-accepted).(*connection)
	for range 2 {
		w.refused(t.Context(), bad)
	}
	var last net.Conn // some are admitted, and wait; the first that is not
	for deadline := time.Now().Add(patience); w.met(LimitReturns) == 0; {
		last = dialTCP(t, addr)
		for taken := false; !taken && w.met(LimitReturns) == 0; {
			select {
			case <-accepted:
				taken = true
			case <-time.After(time.Millisecond):
			}
			if time.Now().After(deadline) {
				t.Fatal("all are admitted")
			}
		}
	}
	if isEnded(last, 20*time.Millisecond) {
		t.Error("it is closed")
	}
}

func TestConnectionsOverRESTHaveABoundOfTheirOwn(t *testing.T) {
	w := newWorld(t, func(l *Limits) { l.RESTConnections = 1 })
	addr, accepted := port(t, func(inner net.Listener) net.Listener { return w.ListenREST(inner, nil) })
	speak := func(conn net.Conn, served net.Conn) {
		t.Helper()
		if _, err := conn.Write([]byte("GET")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(served, make([]byte, 3)); err != nil {
			t.Fatal(err)
		}
	}
	count := func(n uint64, detail string) {
		t.Helper()
		for deadline := time.Now().Add(patience); w.met(LimitRESTConnections) < n; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d are counted, want %d", w.met(LimitRESTConnections), n)
			}
		}
		for _, met := range w.refusals.All() {
			if met.Limit == LimitRESTConnections && (!strings.Contains(met.Detail, detail) || !strings.Contains(met.Remedy, "xds.max_rest_connections")) {
				t.Errorf("%+v", met)
			}
		}
	}

	silent := dialTCP(t, addr)
	ended := <-accepted
	busy := dialTCP(t, addr)
	served := <-accepted
	if !isEnded(silent, patience) {
		t.Error("the silent one stays")
	}
	_ = ended.Close() // as a server does
	count(1, "was closed, since there was no room")
	speak(busy, served)
	if !isEnded(dialTCP(t, addr), patience) {
		t.Error("there are two")
	}
	count(2, "too many connections over REST")
	if n := w.Usage().Connections; n != 1 {
		t.Errorf("%d connections are counted among all", n)
	}
}

func TestFramesWithNothingInThemEndAConnection(t *testing.T) {
	const preface, settings, ping = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x00\x00\x00\x04\x00\x00\x00\x00\x00", "\x00\x00\x08\x06\x00\x00\x00\x00\x0012345678"
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	config := server.TLS.Clone()
	config.NextProtos = []string{"h2"}
	for _, c := range []struct {
		name, frame string
		tls         *tls.Config
	}{
		{name: "SETTINGS", frame: settings},
		{name: "PING", frame: ping},
		{name: "PING over TLS", frame: ping, tls: config},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, func(l *Limits) { l.EmptyFrames = 1 })
			addr, accepted := port(t, func(inner net.Listener) net.Listener { return w.ListenREST(inner, c.tls) })
			client := dialTCP(t, addr)
			if c.tls != nil {
				client = tls.Client(client, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}) //nolint:gosec // a server of this test
			}
			go func() { _, _ = client.Write([]byte(preface + strings.Repeat(c.frame, 50))) }()
			_, err := io.Copy(io.Discard, <-accepted)
			w.meets(err, LimitEmptyFrames)
			for _, met := range w.refusals.All() {
				if met.Limit == LimitEmptyFrames && (met.Count != 1 || met.Remedy != LookAtClient+", or raise xds.empty_frames_per_second") {
					t.Errorf("%+v", met)
				}
			}
		})
	}
}

func TestAFailedHandshakeIsCountedOverREST(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	w := newWorld(t)
	addr, accepted := port(t, func(inner net.Listener) net.Listener { return w.ListenREST(inner, server.TLS) })
	if _, err := dialTCP(t, addr).Write([]byte("no TLS, as it seems\n")); err != nil {
		t.Fatal(err)
	}
	_, err := io.Copy(io.Discard, <-accepted)
	if err == nil || w.met(LimitHandshake) != 1 {
		t.Errorf("%v; %d are counted", err, w.met(LimitHandshake))
	}
}
