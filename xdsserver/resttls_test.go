package xdsserver

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"legate/xdsserver/admission"
)

// encrypted gives the server a certificate, and asks clients for one.
func encrypted(c *Config) {
	donor := httptest.NewUnstartedServer(nil)
	donor.StartTLS()
	defer donor.Close()
	c.TLS = &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, Certificates: donor.TLS.Certificates, ClientAuth: tls.RequireAnyClientCert}
}

func (s *stage) refusedTimes(limit string) uint64 {
	for _, r := range s.Refused() {
		if r.Limit == limit {
			return r.Count
		}
	}
	return 0
}

// Whoever does not get past TLS counts, over whichever way it came.
func TestWhoDoesNotGetPastTLSCountsOverGRPCAndREST(t *testing.T) {
	s := newStage(t, encrypted)
	for _, at := range []string{s.address, strings.TrimPrefix(s.rest, "http://")} {
		before := s.refusedTimes(admission.LimitHandshake)
		scan, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		scan.Close()                                                                                        // only looks whether the port is open
		conn, err := tls.Dial("tcp", at, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}) //nolint:gosec // it is the client that is judged
		if err == nil {
			_, err = conn.Read(make([]byte, 1)) // TLS 1.3 tells a client of its rejection here
			conn.Close()
		}
		if err == nil {
			t.Errorf("%s: a client without a certificate gets in", at)
		}
		plain, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(plain, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		_ = plain.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.Copy(io.Discard, plain)
		plain.Close()
		for deadline := time.Now().Add(2 * time.Minute); s.refusedTimes(admission.LimitHandshake) < before+2 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		}
		if got := s.refusedTimes(admission.LimitHandshake) - before; got != 2 {
			t.Errorf("%s: %d counted, want 2", at, got)
		}
	}
}

// The limit of a request's headers is what docs/limits.md says, to the byte.
func TestHeadersOverRESTHaveAsManyBytesAsIsSaid(t *testing.T) {
	s := newStage(t)
	s.set(service("web", 1)...)
	at := strings.TrimPrefix(s.rest, "http://")
	for bytes, want := range map[int]string{maxHeaders: "200", maxHeaders + 1: "431", maxHeaders + 4000: "431"} {
		begin, end := "POST /v3/discovery:clusters HTTP/1.1\r\nHost: legate\r\nContent-Length: 2\r\nConnection: close\r\nX: ", "\r\n\r\n"
		conn, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, begin+strings.Repeat("x", bytes-len(begin)-len(end))+end+"{}")
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		answer, _ := io.ReadAll(conn)
		conn.Close()
		if !strings.HasPrefix(string(answer), "HTTP/1.1 "+want) {
			t.Errorf("%d bytes: want %s, got %.100s", bytes, want, answer)
		}
	}
}

// Connections over REST that only stay open take no room from those over gRPC.
func TestSilentRESTConnectionsKeepNobodyOut(t *testing.T) {
	s := newStage(t, func(c *Config) {
		c.Limits.Connections, c.Limits.ConnectionsPerAddress, c.Limits.RESTConnections = 20, 20, 10
	})
	s.set(service("web", 1)...)
	for range 50 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.rest, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	c := incremental(t, s, "edge")
	c.Want(cds, "web")
	c.Expect(cds, "web@1")
	r, err := http.Post(s.rest+"/v3/discovery:clusters", "application/json", strings.NewReader("{}"))
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%v %v", r, err)
	}
	_ = r.Body.Close()
	if s.refusedTimes(admission.LimitRESTConnections) < 40 {
		t.Errorf("%d counted", s.refusedTimes(admission.LimitRESTConnections))
	}
}
