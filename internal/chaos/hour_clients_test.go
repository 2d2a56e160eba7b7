package chaos_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"legate/internal/xdsclient"
)

// connect starts healthy clients: they accept everything of the services that nobody rejects, and connect again when the
// connection is lost.
func (h *hour) connect() {
	ctx, cancel := context.WithCancel(context.Background())
	var clients sync.WaitGroup
	for _, node := range []string{"edge-1", "edge-2", "edge-3"} {
		c := xdsclient.DefaultConfig()
		c.Address, c.Node = h.legate.XDS, &corev3.Node{Id: node, UserAgentName: "envoy"}
		c.Names = []string{"shop", changing, "db"}
		c.TLS = func() (*tls.Config, error) { return h.trust(h.t), nil }
		c.Backoff, c.MaxBackoff = 100*time.Millisecond, 500*time.Millisecond
		clients.Go(func() { _ = xdsclient.New(c).Run(ctx, func(xdsclient.Event) error { return nil }) })
	}
	h.disconnect = sync.OnceFunc(func() { cancel(); clients.Wait() })
	h.t.Cleanup(h.disconnect)
}

func (h *hour) trust(t *testing.T) *tls.Config {
	text, err := os.ReadFile(h.authority.caFile)
	if err != nil {
		t.Error(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

// dial connects to Legate from an address of this machine.
func (h *hour) dial(t *testing.T, from string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+h.legate.XDS, grpc.WithTransportCredentials(credentials.NewTLS(h.trust(t))),
		grpc.WithInitialWindowSize(65535), grpc.WithInitialConnWindowSize(65535), // and never more
		grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
			return d.DialContext(ctx, "tcp", addr)
		}))
	must(t, err)
	return conn
}

// open opens a stream of a client at an address and subscribes to these clusters, and to their assignments. The stream
// ends with end.
func (h *hour) open(t *testing.T, node, from string, names ...string) (s discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesClient, end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	conn := h.dial(t, from)
	end = sync.OnceFunc(func() { cancel(); conn.Close() })
	t.Cleanup(end)
	s, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(ctx)
	must(t, err)
	must(t, s.Send(&discoveryv3.DeltaDiscoveryRequest{
		Node: &corev3.Node{Id: node, UserAgentName: "envoy"}, TypeUrl: clusterType, ResourceNamesSubscribe: names,
	}))
	must(t, s.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: endpointType, ResourceNamesSubscribe: names}))
	return s, end
}

// critics are clients that reject clusters, from two addresses.
func (h *hour) critics(t *testing.T, rejects func(cluster string) bool, names ...string) (end func()) {
	t.Helper()
	var all sync.WaitGroup
	var ends []func()
	for _, from := range []string{"127.0.0.2", "127.0.0.3"} {
		s, end := h.open(t, "critic-"+from, from, names...)
		ends = append(ends, end)
		all.Go(func() {
			for {
				r, err := s.Recv()
				if err != nil {
					return
				}
				answer := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: r.GetTypeUrl(), ResponseNonce: r.GetNonce()}
				if r.GetTypeUrl() == clusterType && slices.ContainsFunc(r.GetResources(), func(c *discoveryv3.Resource) bool { return rejects(c.GetName()) }) {
					answer.ErrorDetail = &rpcstatus.Status{Code: 3, Message: "I do not like it"}
				}
				if s.Send(answer) != nil {
					return
				}
			}
		})
	}
	return func() {
		for _, end := range ends {
			end()
		}
		all.Wait()
	}
}

// sluggish is a client that reads nothing for a while, then some of what is there, over and over.
func (h *hour) sluggish(t *testing.T, service string, pause time.Duration) (end func()) {
	t.Helper()
	s, hangUp := h.open(t, "sluggish", "127.0.0.4", service)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		for ctx.Err() == nil {
			wait(ctx, pause)
			for range 4 {
				r, err := s.Recv()
				if err != nil || s.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: r.GetTypeUrl(), ResponseNonce: r.GetNonce()}) != nil {
					return
				}
			}
		}
	})
	return func() { cancel(); hangUp(); all.Wait() }
}
