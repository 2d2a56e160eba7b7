package xdsserver

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
)

// bare is a client that speaks HTTP/2 by itself, for what gRPC's would not do.
type bare struct {
	net.Conn
	t testing.TB
}

// The HTTP/2 frames that it uses (RFC 9113, section 6).
const (
	frameData         = 0x0
	frameHeaders      = 0x1
	frameSettings     = 0x4
	framePing         = 0x6
	frameGoAway       = 0x7
	frameWindowUpdate = 0x8

	flagEndHeaders = 0x4
)

func (s *stage) bare() bare {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.address)
	return s.bareOn(conn, err)
}

// bareREST is one that speaks to the other port.
func (s *stage) bareREST(secure bool) bare {
	s.t.Helper()
	at := strings.TrimPrefix(s.rest, "http://")
	if !secure {
		conn, err := net.Dial("tcp", at)
		return s.bareOn(conn, err)
	}
	conn, err := tls.Dial("tcp", at, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}) //nolint:gosec // it is the server that judges
	return s.bareOn(conn, err)
}

func (s *stage) bareOn(conn net.Conn, err error) bare {
	s.t.Helper()
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
func (b bare) frame(kind byte, payload []byte) { b.frameOf(0, kind, 0, payload) }

func (b bare) frameOf(stream uint32, kind, flags byte, payload []byte) {
	header := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	header = binary.BigEndian.AppendUint32(append(header, flags), stream)
	_, _ = b.Write(append(header, payload...))
}

// headers begins a stream.
func (b bare) headers(stream uint32, method string) {
	var headers []byte // RFC 7541, 6.2.2: literal, without indexing, new name
	for _, h := range [][2]string{
		{":method", "POST"}, {":scheme", "http"}, {":path", method}, {":authority", "legate"}, {"content-type", "application/grpc"}, {"te", "trailers"},
	} {
		headers = append(append(headers, 0, byte(len(h[0]))), h[0]...)
		headers = append(append(headers, byte(len(h[1]))), h[1]...)
	}
	b.frameOf(stream, frameHeaders, flagEndHeaders, headers)
}

// call begins a stream with a first message.
func (b bare) call(stream uint32, method string, message proto.Message) {
	b.t.Helper()
	b.headers(stream, method)
	data, err := proto.Marshal(message)
	if err != nil {
		b.t.Fatal(err)
	}
	b.frameOf(stream, frameData, 0, append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(data))), data...))
}

// allow lets the server send so many bytes more, on a stream and on the connection.
func (b bare) allow(stream, bytes uint32) {
	for _, id := range []uint32{0, stream} {
		b.frameOf(id, frameWindowUpdate, 0, binary.BigEndian.AppendUint32(nil, bytes))
	}
}

// data counts the bytes of messages that come, until the connection ends.
func (b bare) data() *atomic.Int64 {
	var got atomic.Int64
	go func() {
		for header := make([]byte, 9); ; {
			if _, err := io.ReadFull(b, header); err != nil {
				return
			}
			size := int64(binary.BigEndian.Uint32(header) >> 8)
			if _, err := io.CopyN(io.Discard, b, size); err != nil {
				return
			}
			if header[3] == frameData {
				got.Add(size)
			}
		}
	}()
	return &got
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
