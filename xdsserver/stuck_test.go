package xdsserver

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	clusterservice "github.com/envoyproxy/go-control-plane/envoy/service/cluster/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"

	"legate/internal/xdstest"
	"legate/xdsserver/admission"
)

// A client that gives the server a small window again and again is slow, and takes in a little all
// the time: on a stream, and of a single answer.
func TestAClientThatReadsSlowlyButSteadilyIsNotStuck(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(b bare){
		"stream": func(b bare) {
			b.call(1, discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResources_FullMethodName,
				&discoveryv3.DeltaDiscoveryRequest{Node: &corev3.Node{Id: "slow"}, TypeUrl: cds})
		},
		"single": func(b bare) {
			b.call(1, clusterservice.ClusterDiscoveryService_FetchClusters_FullMethodName, &discoveryv3.DiscoveryRequest{})
			b.frameOf(1, frameData, 1, nil) // that was all
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const limit, size = 4 * time.Second, 1 << 20 // it takes longer than the limit
			s := newStage(t, func(c *Config) { c.Limits.StuckSend = limit })
			s.large(size)
			b := s.bare()
			got := b.data()
			call(b)
			soon(t, "it gets something", func() bool { return got.Load() > 32<<10 })
			if name == "stream" {
				s.set(xdstest.FatCluster("fat-0", 2, 1)) // this waits until the rest is taken in
			}
			for step := limit / 32; got.Load() < size; time.Sleep(step) {
				if n := s.met(admission.LimitStuckSend); n > 0 {
					t.Fatalf("cut off after %d bytes", got.Load())
				}
				b.allow(1, 24<<10)
			}
		})
	}
}

// throttled reads what comes in small parts, with a pause after each.
type throttled struct {
	net.Conn
	pause func()
}

func (c throttled) Read(b []byte) (int, error) {
	c.pause()
	return c.Conn.Read(b[:min(len(b), 64<<10)])
}

// dialThrottled connects over a system that keeps little for the client.
func (s *stage) dialThrottled(pause func()) *grpc.ClientConn {
	return xdstest.Dial(s.t, s.address, grpc.WithInitialWindowSize(1<<30), grpc.WithInitialConnWindowSize(1<<30),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(1<<30)),
		grpc.WithContextDialer(func(ctx context.Context, at string) (net.Conn, error) {
			c, err := (&net.Dialer{}).DialContext(ctx, "tcp", at)
			if err != nil {
				return nil, err
			}
			_ = c.(*net.TCPConn).SetReadBuffer(64 << 10) // less is as good
			return throttled{c, pause}, nil
		}))
}

// Here the windows are large, and it is the network that is slow.
func TestAClientBehindASlowNetworkIsNotStuck(t *testing.T) {
	t.Parallel()
	const limit = 4 * time.Second
	s := newStage(t, func(c *Config) { c.Limits.StuckSend = limit })
	s.large(12 << 20) // which takes longer than the limit
	c := xdstest.Open(t, s.dialThrottled(func() { time.Sleep(limit / 120) }), xdstest.Delta, "slow")
	c.Want(cds)
	for i := 2; ; i++ {
		s.set(xdstest.FatCluster("fat-0", i, 1))
		r := c.Poll(limit)
		if n := s.met(admission.LimitStuckSend); n > 0 {
			t.Fatal("cut off")
		}
		if r != nil {
			c.Ack(r)
			break
		}
	}
}

// A client whose system is full takes nothing more: its connection is of no use, and is closed. Its
// streams end as those do that come to a server which is away.
func TestAConnectionThatTakesInNothingIsClosed(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(c *Config) { c.Limits.StuckSend = time.Second })
	s.large(16 << 20)
	goOn := make(chan struct{})
	ready := make(chan struct{}, 1)
	hangs := false
	conn := s.dialThrottled(func() {
		if hangs {
			<-goOn
		}
		select {
		case <-ready:
			hangs = true
		default:
		}
	})
	t.Cleanup(func() { close(goOn) }) // before it is closed, which waits for that
	c := xdstest.Open(t, conn, xdstest.Delta, "hangs")
	c.Want(eds, "web")
	c.Accept(eds, "web@empty")
	ready <- struct{}{}
	c.Want(cds)
	soon(t, "it is cut off", func() bool { return s.met(admission.LimitStuckSend) == 1 })
	soon(t, "nothing is left of it", func() bool { return len(s.Streams()) == 0 && s.admission.Usage().Connections == 0 })
}

// Over HTTP/2 requests share a connection, and each can be left unread.
func TestARESTAnswerThatNobodyReadsIsCutOffOverHTTP2(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(c *Config) { c.Limits.StuckSend = time.Second })
	s.large(16 << 20)
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	client := http.Client{Transport: &http.Transport{Protocols: protocols}}
	t.Cleanup(client.CloseIdleConnections)
	post := func() *http.Response {
		t.Helper()
		r, err := client.Post(s.rest+"/v3/discovery:clusters", "application/json", strings.NewReader("{}"))
		if err != nil || r.StatusCode != http.StatusOK || r.ProtoMajor != 2 {
			t.Fatal(r, err)
		}
		return r
	}
	unread := post()
	defer unread.Body.Close()
	soon(t, "it is cut off", func() bool { return s.met(admission.LimitStuckSend) == 1 && s.unread() == 0 })
	r := post() // on the same connection
	r.Body.Close()
	if n := s.admission.Usage().Connections; n > 1 {
		t.Errorf("%d connections", n)
	}
}

func TestWhoWasStuckIsToldThatItMayComeAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(c *Config) { c.Limits.StuckSend = time.Second / 2 })
	s.large(1 << 20)
	c := xdstest.Open(t, s.conn, xdstest.Delta, "edge") // whose connection is kept
	c.Want(eds, "web")
	c.Accept(eds, "web@empty")
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(s.conn).DeltaAggregatedResources(t.Context())
	if err == nil {
		err = stream.Send(&discoveryv3.DeltaDiscoveryRequest{Node: &corev3.Node{Id: "hangs"}, TypeUrl: cds})
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := 2; s.met(admission.LimitStuckSend) == 0; i++ {
		if i > 2000 {
			t.Fatal("it is not cut off")
		}
		s.set(xdstest.FatCluster("fat-0", i, 128<<10))
		time.Sleep(2 * time.Millisecond)
	}
	for err == nil { // now it reads on
		_, err = stream.Recv()
	}
	wantStatus(t, err, "Unavailable", "connect again")
}
