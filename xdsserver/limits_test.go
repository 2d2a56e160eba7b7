package xdsserver

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"legate/internal/listen"
	"legate/internal/xdstest"
	"legate/xdsserver/admission"
)

// met is how often clients have met a limit.
func (s *stage) met(limit string) uint64 { return s.said(limit).Count }

// said is what status says of a limit.
func (s *stage) said(limit string) listen.Refused {
	for _, r := range s.Refused() {
		if r.Limit == limit {
			return r
		}
	}
	s.t.Fatalf("there is no limit %q", limit)
	return listen.Refused{}
}

// soon waits until something holds.
func soon(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// served opens a stream that gets its clusters.
func (s *stage) served(conn *grpc.ClientConn, node string) *xdstest.Client {
	s.t.Helper()
	c := xdstest.Open(s.t, conn, xdstest.Delta, node)
	c.Want(cds)
	c.Accept(cds, "web@1")
	return c
}

// refusedAs opens a stream that ends with this status.
func (s *stage) refusedAs(conn *grpc.ClientConn, node, code, text string) error {
	s.t.Helper()
	c := xdstest.Open(s.t, conn, xdstest.Delta, node)
	_ = c.Try(&discoveryv3.DeltaDiscoveryRequest{Node: &corev3.Node{Id: node}, TypeUrl: cds}) // it may have ended already
	err := c.Ended()
	wantStatus(s.t, err, code, text)
	return err
}

// How streams wait, and which are refused, is tested in package admission.
func TestAStreamBeyondTheRateIsToldWhenToComeAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(c *Config) {
		c.Limits.NewStreams, c.Limits.NewStreamsBurst, c.Limits.NewStreamWait = 1, 1, time.Millisecond
	})
	s.set(service("web", 1)...)
	isRefused := func() bool { return s.met(admission.LimitNewStreams) > 0 }
	var last *xdstest.Client
	soon(t, "one is refused", func() bool { // an address has one each two seconds, so a slow machine may need some more
		open := s.admission.Usage().Streams
		last = incremental(t, s, "edge")
		_ = last.Try(&discoveryv3.DeltaDiscoveryRequest{Node: &corev3.Node{Id: "edge"}, TypeUrl: cds}) // it may have ended already
		soon(t, "it is admitted or refused", func() bool { return isRefused() || s.admission.Usage().Streams > open })
		return isRefused()
	})
	err := last.Ended()
	wantStatus(t, err, "Unavailable", "come again")
	for _, d := range status.Convert(err).Details() {
		if hint, ok := d.(*errdetails.RetryInfo); ok && hint.GetRetryDelay().AsDuration() > 0 {
			return
		}
	}
	t.Errorf("it is not told when: %v", status.Convert(err).Details())
}

func TestANodeIsPinnedAndItsMetadataIsNotKept(t *testing.T) {
	s := newStage(t)
	s.set(service("web", 1)...)
	changed := 0
	s.interceptor.nodeChanged = func() { changed++ }
	c := xdstest.OpenMethod(t, s.conn, xdstest.Delta, discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResources_FullMethodName, nil)
	metadata, err := structpb.NewStruct(map[string]any{"much": strings.Repeat("x", 10_000)})
	if err != nil {
		t.Fatal(err)
	}
	c.Request(&discoveryv3.DeltaDiscoveryRequest{Node: &corev3.Node{Id: "edge", Metadata: metadata}, TypeUrl: cds})
	c.Accept(cds, "web@1")
	c.Request(&discoveryv3.DeltaDiscoveryRequest{Node: &corev3.Node{Id: "edge"}, TypeUrl: eds, ResourceNamesSubscribe: []string{"web"}})
	c.Accept(eds, "web@1")
	c.Request(&discoveryv3.DeltaDiscoveryRequest{Node: &corev3.Node{Id: "other", UserAgentName: "gRPC Go"}, TypeUrl: eds, ResourceNamesSubscribe: []string{"ghost"}})
	c.Accept(eds, "ghost@empty")
	if changed != 1 || s.Streams()[0].Node != "edge" {
		t.Errorf("%d changes, node %q", changed, s.Streams()[0].Node)
	}
	for _, rec := range s.callbacks.streams {
		if rec.node.GetMetadata() != nil {
			t.Error("metadata is kept")
		}
	}
}

func TestWhatIsTooLargeIsRefusedByName(t *testing.T) {
	s := newStage(t)
	s.set(service("web", 1)...)
	big, err := structpb.NewStruct(map[string]any{"x": strings.Repeat("x", 513<<10)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		limit, code string
		request     *discoveryv3.DeltaDiscoveryRequest
	}{
		{admission.LimitNodeIDBytes, "InvalidArgument", &discoveryv3.DeltaDiscoveryRequest{Node: &corev3.Node{Id: strings.Repeat("x", 257)}}},
		{admission.LimitNodeBytes, "ResourceExhausted", &discoveryv3.DeltaDiscoveryRequest{Node: &corev3.Node{Metadata: big}}},
		{admission.LimitMessageBytes, "ResourceExhausted", &discoveryv3.DeltaDiscoveryRequest{TypeUrl: strings.Repeat("x", 5<<20)}},
		{admission.LimitNames, "InvalidArgument", &discoveryv3.DeltaDiscoveryRequest{TypeUrl: strings.Repeat("x", 257)}},
		{admission.LimitNames, "InvalidArgument", &discoveryv3.DeltaDiscoveryRequest{TypeUrl: eds, ResourceNamesSubscribe: []string{strings.Repeat("x", 1025)}}},
	} {
		before := s.met(c.limit)
		client := xdstest.Open(t, s.conn, xdstest.Delta, "edge")
		client.Request(c.request)
		wantStatus(t, client.Ended(), c.code, "")
		soon(t, c.limit+" is counted", func() bool { return s.met(c.limit) == before+1 })
	}
}

// A client that takes in nothing fills the window, and then gRPC holds the sender.
func TestAStreamWhoseSendIsStuckIsClosed(t *testing.T) {
	for _, p := range []xdstest.Protocol{xdstest.SotW, xdstest.Delta} {
		t.Run(string(p), func(t *testing.T) {
			s := newStage(t, func(c *Config) { c.Limits.StuckSend = 200 * time.Millisecond })
			s.set(service("web", 1)...)
			good := s.served(s.conn, "good")
			stuck := openDeaf(t, s.conn, p)
			for i := 2; s.met(admission.LimitStuckSend) == 0; i++ {
				if i > 2000 {
					t.Fatal("the stuck stream is not closed")
				}
				s.set(xdstest.FatCluster("fat", i, 32<<10))
				good.Ack(good.Read())
				time.Sleep(2 * time.Millisecond)
			}
			soon(t, "only the good one is left", func() bool { return len(s.Streams()) == 1 && s.Views()[0].Streams == 1 })
			if n := s.met(admission.LimitStuckSend); n != 1 {
				t.Errorf("%d streams were cut off", n)
			}
			stuck()
			s.set(cluster("web", 7))
			good.Accept(cds, "web@7")
		})
	}
}

func TestConnectionsBeyondTheLimitsAreClosedAndThoseThatSayNothingToo(t *testing.T) {
	s := newStage(t, func(c *Config) { c.Limits.ConnectionsPerAddress, c.Limits.HalfOpen = 3, time.Second })
	s.set(service("web", 1)...)
	s.served(s.conn, "edge")
	silent := func() net.Conn {
		c, err := net.Dial("tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	ended := func(c net.Conn) time.Duration {
		start := time.Now()
		_ = c.SetReadDeadline(start.Add(30 * time.Second))
		if _, err := io.Copy(io.Discard, c); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("not closed: %v", err)
		}
		return time.Since(start)
	}
	one, two := silent(), silent()
	if took := ended(silent()); took > 900*time.Millisecond || s.met(admission.LimitConnectionsPerAddress) != 1 {
		t.Errorf("one too many was closed after %v, counted %d", took, s.met(admission.LimitConnectionsPerAddress))
	}
	ended(one)
	ended(two)
	soon(t, "the places are free", func() bool { return s.admission.Usage().Connections == 1 })
	s.served(xdstest.Dial(t, s.address), "another")
}

func TestNothingIsKeptOfWhoHasGone(t *testing.T) {
	s := newStage(t)
	s.set(service("web", 1)...)
	for i := range 50 {
		conn := xdstest.Dial(t, s.address)
		s.served(conn, fmt.Sprint("node-", i)).Close()
		conn.Close()
	}
	soon(t, "nothing is open", func() bool {
		u := s.admission.Usage()
		return u.Connections+u.Streams+u.Nodes == 0
	})
	soon(t, "nothing is held", func() bool { return s.Memory().Held == 0 })
}

func TestRESTAnswersAFewAtOnceAndTheOthersInTurn(t *testing.T) {
	s := newStage(t, func(c *Config) { c.Limits.Fetches, c.Limits.NewStreamWait = 1, 50*time.Millisecond })
	s.set(service("web", 1)...)
	post := func() *http.Response {
		r, err := http.Post(s.rest+"/v3/discovery:clusters", "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		return r
	}
	if err := s.admission.AdmitFetch(t.Context()); err != nil { // one that takes long
		t.Fatal(err)
	}
	if r := post(); r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" || s.met(admission.LimitFetches) != 1 {
		t.Errorf("%v, counted %d", r, s.met(admission.LimitFetches))
	}
	s.admission.ReleaseFetch()
	if r := post(); r.StatusCode != http.StatusOK {
		t.Errorf("%v", r)
	}
	r, err := http.Post(s.rest+"/v3/discovery:clusters", "application/json", strings.NewReader(`{"node":{"id":"`+strings.Repeat("x", 257)+`"}}`))
	if err != nil || r.StatusCode != http.StatusBadRequest || s.met(admission.LimitNodeIDBytes) != 1 {
		t.Errorf("a long node id: %v %v", r, err)
	}
	r.Body.Close()
}

// openDeaf opens a stream that asks for all clusters, answers what comes so far as it must, and
// reads nothing. The result ends it.
func openDeaf(t testing.TB, conn *grpc.ClientConn, p xdstest.Protocol) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	client := discoveryv3.NewAggregatedDiscoveryServiceClient(conn)
	node := &corev3.Node{Id: "deaf"}
	var err error
	if p == xdstest.SotW {
		var s discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesClient
		if s, err = client.StreamAggregatedResources(ctx); err == nil {
			err = s.Send(&discoveryv3.DiscoveryRequest{Node: node, TypeUrl: cds})
		}
	} else {
		var s discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesClient
		if s, err = client.DeltaAggregatedResources(ctx); err == nil {
			err = s.Send(&discoveryv3.DeltaDiscoveryRequest{Node: node, TypeUrl: cds})
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return cancel
}
