package xdsserver

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	clusterservice "github.com/envoyproxy/go-control-plane/envoy/service/cluster/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"

	"legate/internal/xdstest"
	"legate/xdsserver/admission"
)

// large publishes clusters of so many bytes in all.
func (s *stage) large(bytes int) {
	const each = 128 << 10
	for i := range bytes / each {
		s.set(xdstest.FatCluster(fmt.Sprint("fat-", i), 1, each))
	}
}

// leaveUnread asks for all clusters with a single request and does not read the answer.
func (s *stage) leaveUnread(conn *grpc.ClientConn) (read func() error) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s.t.Cleanup(cancel)
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, clusterservice.ClusterDiscoveryService_FetchClusters_FullMethodName)
	if err == nil {
		err = stream.SendMsg(&discoveryv3.DiscoveryRequest{})
	}
	if err == nil {
		err = stream.CloseSend()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return func() error { return stream.RecvMsg(&discoveryv3.DiscoveryResponse{}) }
}

// postUnread asks over REST, and reads no more than the beginning of the answer.
func (s *stage) postUnread() net.Conn {
	s.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.rest, "http://"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	_, _ = io.WriteString(conn, "POST /v3/discovery:clusters HTTP/1.1\r\nHost: legate\r\nContent-Length: 2\r\n\r\n{}") // reading tells
	if _, err := io.ReadFull(conn, make([]byte, 12)); err != nil {
		s.t.Fatal(err)
	}
	return conn
}

// unread is how many bytes of answers clients have not read.
func (s *stage) unread() int64 { return s.Memory().Kinds[admission.HeldAnswers].Bytes }

const answer = 16 << 20 // more than windows and the system's buffers take

// unreadStage is a server with one large answer for each request. Its clients are cut off if they do not read for the
// patience; conn is one that reads little.
func unreadStage(t *testing.T, patience time.Duration) (s *stage, conn *grpc.ClientConn) {
	s = newStage(t, func(c *Config) {
		c.Limits.UnreadBytes, c.Limits.StuckSend = 2*2*answer+(8<<20), patience // for two, with what JSON adds
		c.Limits.RefusedStreams = 1000
	})
	s.large(answer)
	return s, xdstest.Dial(t, s.address, grpc.WithInitialWindowSize(64<<10), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(2*answer)))
}

func TestAnswersThatNobodyReadsAreBoundedOverRESTAndGRPC(t *testing.T) {
	t.Parallel()
	s, conn := unreadStage(t, time.Hour)
	s.leaveUnread(conn)
	soon(t, "the first is held", func() bool { return s.unread() >= answer })
	s.postUnread()
	soon(t, "the second is held", func() bool { return s.unread() >= 2*answer })

	// The address has what it may have.
	_, err := s.fetch(cds, &discoveryv3.DiscoveryRequest{})
	wantStatus(t, err, "Unavailable", "not taken in")
	r, err := http.Post(s.rest+"/v3/discovery:clusters", "application/json", strings.NewReader("{}"))
	if err != nil || r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
		t.Errorf("%v %v", r, err)
	}
	r.Body.Close()
	if n := s.met(admission.LimitUnreadBytes); n != 2 {
		t.Errorf("counted %d times", n)
	}
	c := incremental(t, s, "edge") // streams are not concerned
	c.Want(eds, "web")
	c.Accept(eds, "web@empty")
}

func TestWhoDoesNotReadAnAnswerIsCutOffOverRESTAndGRPC(t *testing.T) {
	t.Parallel()
	s, conn := unreadStage(t, 3*time.Second)
	s.leaveUnread(conn)
	s.postUnread()
	soon(t, "who reads nothing is cut off", func() bool { return s.met(admission.LimitStuckSend) == 2 && s.unread() == 0 })
	if err := s.leaveUnread(conn)(); err != nil {
		t.Errorf("who reads: %v", err)
	}
	soon(t, "nothing is held", func() bool { return s.unread() == 0 })
}

func TestAnAnswerIsBoundedBeforeItIsMade(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(c *Config) { c.Limits.AnswerBytes = 1 << 20 })
	s.large(2 << 20)
	_, err := s.fetch(cds, &discoveryv3.DiscoveryRequest{})
	wantStatus(t, err, "ResourceExhausted", "fewer resources")
	r, err := http.Post(s.rest+"/v3/discovery:clusters", "application/json", strings.NewReader("{}"))
	if err != nil || r.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("%v %v", r, err)
	}
	r.Body.Close()
	if n := s.met(admission.LimitAnswerBytes); n != 2 {
		t.Errorf("counted %d times", n)
	}
	if held := s.unread(); held != 0 {
		t.Errorf("%d bytes are held", held)
	}
}

// What fits otherwise may be too large as JSON.
func TestAnAnswerIsBoundedAsItIsSent(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(c *Config) { c.Limits.AnswerBytes = 180 << 10 })
	s.set()
	var names []string
	for i := range 1000 {
		names = append(names, fmt.Sprint(strings.Repeat("\"", 60), i))
	}
	ask := &discoveryv3.DiscoveryRequest{ResourceNames: names}
	if _, err := s.fetch(eds, ask); err != nil {
		t.Error(err)
	}
	body, err := protojson.Marshal(ask)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.Post(s.rest+"/v3/discovery:endpoints", "application/json", bytes.NewReader(body))
	if err != nil || r.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("%v %v", r, err)
	}
	r.Body.Close()
	if held := s.unread(); held != 0 {
		t.Errorf("%d bytes are held", held)
	}
}

func TestRESTTakesCompressedRequestsAndBoundsThemAfterwards(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.set(service("web", 1)...)
	post := func(encoding string, body []byte) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.rest+"/v3/discovery:clusters", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Encoding", encoding)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer
	}
	packed := func(text string) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = io.WriteString(w, text)
		_ = w.Close() // a buffer takes all
		return b.Bytes()
	}
	if r := post("gzip", packed(`{"node":{"id":"edge"}}`)); r.StatusCode != http.StatusOK {
		t.Errorf("gzip: %d", r.StatusCode)
	}
	if r := post("gzip", packed(strings.Repeat(" ", s.config.Limits.BodyBytes)+"{}")); r.StatusCode != http.StatusRequestEntityTooLarge || s.met(admission.LimitBodyBytes) != 1 {
		t.Errorf("too large: %d, counted %d", r.StatusCode, s.met(admission.LimitBodyBytes))
	}
	if r := post("gzip", []byte("{}")); r.StatusCode != http.StatusBadRequest {
		t.Errorf("not compressed at all: %d", r.StatusCode)
	}
	if r := post("br", []byte("x")); r.StatusCode != http.StatusUnsupportedMediaType || r.Header.Get("Accept-Encoding") != "gzip" {
		t.Errorf("%d, accepts %q", r.StatusCode, r.Header.Get("Accept-Encoding"))
	}
}
