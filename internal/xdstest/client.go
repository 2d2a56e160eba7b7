// Package xdstest is a scripted xDS client: tests have a conversation with a real server over a
// real connection, in either protocol.
package xdstest

import (
	"context"
	"slices"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// Protocol is one of the two streaming protocols.
type Protocol string

// The protocols.
const (
	SotW  Protocol = "sotw"
	Delta Protocol = "delta"
)

// timeout is how long a client waits for something expected, on a machine that has much else to do, and quiet how long
// for something unexpected.
const (
	timeout = 2 * time.Minute
	quiet   = 150 * time.Millisecond
)

// Client is one stream. Its methods fail the test when the conversation goes wrong.
type Client struct {
	t        testing.TB
	protocol Protocol
	node     *corev3.Node
	stream   Stream
	cancel   context.CancelFunc
	incoming chan *Response
	ended    chan error
	wanted   map[string][]string // names of the last request, by type
	nonces   map[string]string   // of the last response read, by type
	asked    map[string]bool
}

// Stream is a client's end of a stream.
type Stream interface {
	SendMsg(any) error
	RecvMsg(any) error
}

// Dial connects to a server. The connection ends with the test.
func Dial(t testing.TB, address string, o ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+address, append(o, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatalf("dial %q: %v", address, err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// Open opens an aggregated stream.
func Open(t testing.TB, conn *grpc.ClientConn, p Protocol, node string) *Client {
	method := map[Protocol]string{
		SotW:  discoveryv3.AggregatedDiscoveryService_StreamAggregatedResources_FullMethodName,
		Delta: discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResources_FullMethodName,
	}[p]
	return OpenMethod(t, conn, p, method, &corev3.Node{Id: node, UserAgentName: "envoy"})
}

// OpenMethod opens a stream of any discovery service.
func OpenMethod(t testing.TB, conn *grpc.ClientConn, p Protocol, method string, node *corev3.Node) *Client {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
	if err != nil {
		cancel()
		t.Fatalf("open stream: %v", err)
	}
	return On(t, s, cancel, p, node)
}

// On starts a conversation on a stream that is already open. cancel must end the stream.
func On(t testing.TB, s Stream, cancel context.CancelFunc, p Protocol, node *corev3.Node) *Client {
	c := &Client{
		t: t, protocol: p, node: node, stream: s, cancel: cancel,
		incoming: make(chan *Response, 1000), ended: make(chan error, 1),
		wanted: map[string][]string{}, nonces: map[string]string{}, asked: map[string]bool{},
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			r, err := c.receive()
			if err != nil {
				c.ended <- err
				return
			}
			c.incoming <- r
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return c
}

// Close ends the stream, like a client that disconnects.
func (c *Client) Close() { c.cancel() }

func (c *Client) receive() (*Response, error) {
	if c.protocol == SotW {
		var m discoveryv3.DiscoveryResponse
		if err := c.stream.RecvMsg(&m); err != nil {
			return nil, err
		}
		r := &Response{Type: m.GetTypeUrl(), Version: m.GetVersionInfo(), Nonce: m.GetNonce(), Resources: map[string]*anypb.Any{}, From: m.GetControlPlane().GetIdentifier(), Bytes: proto.Size(&m)}
		for _, a := range m.GetResources() {
			c.once(r, nameOf(a))
			r.Resources[nameOf(a)] = a
		}
		return r, nil
	}
	var m discoveryv3.DeltaDiscoveryResponse
	if err := c.stream.RecvMsg(&m); err != nil {
		return nil, err
	}
	r := &Response{
		Type: m.GetTypeUrl(), Version: m.GetSystemVersionInfo(), Nonce: m.GetNonce(),
		Resources: map[string]*anypb.Any{}, Versions: map[string]string{}, Removed: m.GetRemovedResources(), From: m.GetControlPlane().GetIdentifier(), Bytes: proto.Size(&m),
	}
	for _, d := range m.GetResources() {
		c.once(r, d.GetName())
		r.Resources[d.GetName()], r.Versions[d.GetName()] = d.GetResource(), d.GetVersion()
	}
	return r, nil
}

// once fails the test if a response has a resource twice.
func (c *Client) once(r *Response, name string) {
	if r.Resources[name] != nil {
		c.t.Errorf("%s is twice in a response", name)
	}
}

func (c *Client) send(m any) {
	c.t.Helper()
	if err := c.stream.SendMsg(m); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// Request sends a request verbatim, for what the other methods cannot send.
func (c *Client) Request(m any) { c.t.Helper(); c.send(m) }

// Want subscribes to exactly these names of a type; "*" subscribes to all.
func (c *Client) Want(typeURL string, names ...string) {
	c.t.Helper()
	c.want(typeURL, nil, names)
}

// Resume sends the first request after a reconnect, with the versions that the client still has.
func (c *Client) Resume(typeURL string, have map[string]string, names ...string) {
	c.t.Helper()
	c.want(typeURL, have, names)
}

func (c *Client) want(typeURL string, have map[string]string, names []string) {
	c.t.Helper()
	old := c.wanted[typeURL]
	c.wanted[typeURL] = names
	if c.protocol == SotW {
		version := "" // of all that the client has
		if len(have) > 0 {
			version = "from before"
		}
		c.send(&discoveryv3.DiscoveryRequest{Node: c.nodeOnce(), TypeUrl: typeURL, ResourceNames: names, VersionInfo: version, ResponseNonce: c.nonces[typeURL]})
		return
	}
	c.send(&discoveryv3.DeltaDiscoveryRequest{
		Node: c.nodeOnce(), TypeUrl: typeURL, InitialResourceVersions: have,
		ResourceNamesSubscribe: missing(names, old), ResourceNamesUnsubscribe: missing(old, names),
	})
}

// nodeOnce returns the node for a stream's first request. Later ones leave it out, as Envoy does.
func (c *Client) nodeOnce() *corev3.Node {
	n := c.node
	c.node = nil
	return n
}

func missing(names, from []string) []string {
	var out []string
	for _, n := range names {
		if !slices.Contains(from, n) {
			out = append(out, n)
		}
	}
	return out
}

// Ack accepts a response.
func (c *Client) Ack(r *Response) { c.t.Helper(); c.answer(r, nil) }

// Nack rejects a response.
func (c *Client) Nack(r *Response, why string) {
	c.t.Helper()
	c.answer(r, &rpcstatus.Status{Code: int32(codes.InvalidArgument), Message: why})
}

func (c *Client) answer(r *Response, rejection *rpcstatus.Status) {
	c.t.Helper()
	if c.protocol == SotW {
		c.send(&discoveryv3.DiscoveryRequest{
			Node: c.nodeOnce(), TypeUrl: r.Type, ResourceNames: c.wanted[r.Type],
			VersionInfo: r.Version, ResponseNonce: r.Nonce, ErrorDetail: rejection,
		})
		return
	}
	c.send(&discoveryv3.DeltaDiscoveryRequest{Node: c.nodeOnce(), TypeUrl: r.Type, ResponseNonce: r.Nonce, ErrorDetail: rejection})
}

// Try sends a request on a stream that may have ended.
func (c *Client) Try(m any) error { return c.stream.SendMsg(m) }
