package xdsserver

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// bare is a client that speaks HTTP/2 by itself, for what gRPC's would not do.
type bare struct {
	net.Conn
	t testing.TB
}

// The HTTP/2 frames that it uses (RFC 9113, section 6).
const (
	frameSettings = 0x4
	framePing     = 0x6
	frameGoAway   = 0x7
)

func (s *stage) bare() bare {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	b := bare{conn, s.t}
	if _, err := io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"); err != nil {
		s.t.Fatal(err)
	}
	b.frame(frameSettings, nil)
	return b
}

// frame sends a frame of the connection, if that is open still.
func (b bare) frame(kind byte, payload []byte) {
	header := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	_, _ = b.Write(append(append(header, 0, 0, 0, 0, 0), payload...))
}

// goodbye waits until the connection ends, and returns what the server said then (GOAWAY).
func (b bare) goodbye(within time.Duration) string {
	_ = b.SetReadDeadline(time.Now().Add(within))
	said := ""
	for header := make([]byte, 9); ; {
		if _, err := io.ReadFull(b, header); err != nil {
			return said
		}
		payload := make([]byte, binary.BigEndian.Uint32(header)>>8)
		if _, err := io.ReadFull(b, payload); err != nil {
			return said
		}
		if header[3] == frameGoAway {
			said = string(payload[8:])
		}
	}
}

func TestAClientMayPingEverySecond(t *testing.T) {
	t.Parallel()
	if every := DefaultConfig().MinPing; every > time.Second {
		t.Errorf("the default allows a ping every %v", every)
	}
	const every = 200 * time.Millisecond
	s := newStage(t, func(c *Config) { c.MinPing = every })
	b := s.bare()
	for i := range 15 { // as often as it may, give or take what networks and clocks do
		time.Sleep(every + []time.Duration{-every, every}[i%2]/20)
		b.frame(framePing, make([]byte, 8))
	}
	if said := b.goodbye(every); said != "" || s.met(limitPings) != 0 {
		t.Errorf("it was sent away: %q, counted %d", said, s.met(limitPings))
	}
}

func TestWhoPingsMoreOftenIsCutOffAndCounted(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	b := s.bare()
	for range 5 {
		b.frame(framePing, make([]byte, 8))
	}
	if said := b.goodbye(10 * time.Second); !strings.Contains(said, "ping") {
		t.Errorf("it was told %q", said)
	}
	soon(t, "it is counted", func() bool { return s.met(limitPings) == 1 })
	if said := s.said(limitPings); !strings.Contains(said.Remedy, "xds.min_ping") || said.From != b.LocalAddr().String() {
		t.Errorf("%+v", said)
	}
}
