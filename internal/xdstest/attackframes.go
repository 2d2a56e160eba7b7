package xdstest

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
)

// These attacks speak HTTP/2 themselves, below gRPC.

// halfSend announces a message with more bytes than it sends.
func (a attacker) halfSend(_ *grpc.ClientConn, i int) {
	size := 4<<20 - 1
	if i%2 == 1 {
		size = 2<<20 - 1
	}
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	conn, err := a.dial(a.ctx, "", "")
	if err != nil {
		return
	}
	defer conn.Close()
	transport := &http.Transport{Protocols: protocols, DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}
	ctx, end := context.WithTimeout(a.ctx, 30*time.Second)
	defer end()
	body, out := io.Pipe()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+a.address+discoveryv3.AggregatedDiscoveryService_StreamAggregatedResources_FullMethodName, body)
	if err != nil {
		return
	}
	r.Header.Set("Content-Type", "application/grpc")
	r.Header.Set("Te", "trailers")
	var sending sync.WaitGroup
	sending.Go(func() {
		_, _ = out.Write(binary.BigEndian.AppendUint32([]byte{0}, uint32(size))) // until it is disconnected
		nonce := binary.AppendUvarint([]byte{5<<3 | 2}, uint64(size-5))          // nearly the whole message
		_, err := out.Write(nonce)
		for part, left := make([]byte, 16<<10), size-6; err == nil && left > 0; left -= len(part) {
			_, err = out.Write(part[:min(left, len(part))])
		}
		a.did.Add(1)
	})
	if answer, err := transport.RoundTrip(r); err == nil {
		_, _ = io.Copy(io.Discard, answer.Body) // until it is disconnected
		answer.Body.Close()
	}
	body.Close()
	sending.Wait()
}

// emptyFrames sends empty frames, again and again (RFC 9113, section 6).
func (a attacker) emptyFrames(_ *grpc.ClientConn, i int) {
	conn, err := a.dial(a.ctx, "", "")
	if err != nil {
		return
	}
	defer conn.Close()
	defer context.AfterFunc(a.ctx, func() { conn.Close() })()
	go func() { _, _ = io.Copy(io.Discard, conn) }() // until it is closed
	settings := []byte{0, 0, 0, 4, 0, 0, 0, 0, 0}
	one := settings
	begin := append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), settings...)
	if i%2 == 1 { // on a stream that sends nothing else
		one = []byte{0, 0, 0, 0, 0, 0, 0, 0, 1}
		var headers []byte // RFC 7541, 6.2.2: literal, without indexing, new name
		for _, h := range [][2]string{
			{":method", "POST"}, {":scheme", "http"}, {":path", discoveryv3.AggregatedDiscoveryService_StreamAggregatedResources_FullMethodName},
			{":authority", "legate"}, {"content-type", "application/grpc"}, {"te", "trailers"},
		} {
			headers = append(append(headers, 0, byte(len(h[0]))), h[0]...)
			headers = append(append(headers, byte(len(h[1]))), h[1]...)
		}
		begin = append(append(begin, 0, 0, byte(len(headers)), 1, 4, 0, 0, 0, 1), headers...)
	}
	many := slices.Repeat(one, 100)
	for _, err = conn.Write(begin); err == nil; _, err = conn.Write(many) {
		a.did.Add(1)
	}
}
