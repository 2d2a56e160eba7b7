package xdsserver

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"legate/internal/xdstest"
)

// inBubble tells a story in each protocol, without a network and in a bubble of time: it passes only
// while everybody waits. So silence costs nothing, and means that nothing will come.
func inBubble(t *testing.T, story func(t *testing.T, s *stage, open opener), change ...func(*Config)) {
	for _, p := range []xdstest.Protocol{xdstest.SotW, xdstest.Delta} {
		t.Run(string(p), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := bubbled(t, change...)
				story(t, s, func(node string) *xdstest.Client { return s.tube(p, node) })
			})
		})
	}
}

// bubbled is a server that listens nowhere.
func bubbled(t testing.TB, change ...func(*Config)) *stage {
	t.Helper()
	return bubbledWith(t, func(*Server) {}, change...)
}

// bubbledWith prepares the server before it serves.
func bubbledWith(t testing.TB, prepare func(*Server), change ...func(*Config)) *stage {
	t.Helper()
	config := DefaultConfig()
	for _, c := range change {
		c(&config)
	}
	s, err := New(config, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	prepare(s)
	ctx, cancel := context.WithCancel(context.Background())
	var workers sync.WaitGroup
	workers.Go(func() { s.workers.run(ctx) })
	workers.Go(func() { s.asked.run(ctx, s.tellAsked) })
	t.Cleanup(func() {
		cancel()
		workers.Wait()
	})
	return &stage{Server: s, t: t}
}

// tube is both ends of a stream without a network.
type tube struct {
	ctx       context.Context
	codec     encoding.CodecV2
	requests  chan []byte
	responses chan []byte
	over      chan struct{} // closed when the server has ended the stream
	how       error         // it ended; set before that
}

// tube opens a stream.
func (s *stage) tube(p xdstest.Protocol, node string) *xdstest.Client {
	return s.tubeOf(p, &corev3.Node{Id: node, UserAgentName: "envoy"})
}

// tubeOf is a tube of any node.
func (s *stage) tubeOf(p xdstest.Protocol, node *corev3.Node) *xdstest.Client {
	ctx, cancel := context.WithCancel(context.Background())
	st := &tube{codec: newCodec(), requests: make(chan []byte), responses: make(chan []byte, 10_000), over: make(chan struct{})}
	st.ctx = grpc.NewContextWithServerTransportStream(ctx, &reel{next: st.next, end: cancel})
	go func() {
		defer close(st.over)
		defer cancel()
		st.how = s.interceptor.intercept(nil, serverEnd{st}, nil, func(_ any, stream grpc.ServerStream) error {
			if p == xdstest.Delta {
				return s.xds.DeltaAggregatedResources(&grpc.GenericServerStream[discoveryv3.DeltaDiscoveryRequest, discoveryv3.DeltaDiscoveryResponse]{ServerStream: stream})
			}
			return s.xds.StreamAggregatedResources(&grpc.GenericServerStream[discoveryv3.DiscoveryRequest, discoveryv3.DiscoveryResponse]{ServerStream: stream})
		})
	}()
	return xdstest.On(s.t, clientEnd{st}, cancel, p, node)
}

type serverEnd struct{ *tube }

func (serverEnd) SetHeader(metadata.MD) error  { return nil }
func (serverEnd) SendHeader(metadata.MD) error { return nil }
func (serverEnd) SetTrailer(metadata.MD)       {}
func (e serverEnd) Context() context.Context   { return e.ctx }

// RecvMsg is of no use: requests are read bit by bit.
func (serverEnd) RecvMsg(any) error { return io.EOF }

// next waits for a request.
func (e *tube) next() ([]byte, error) {
	select {
	case b := <-e.requests:
		return b, nil
	case <-e.ctx.Done():
		return nil, status.FromContextError(e.ctx.Err()).Err()
	}
}

func (e serverEnd) SendMsg(m any) error {
	data, err := e.codec.Marshal(m)
	if err != nil {
		return err
	}
	b := data.Materialize()
	data.Free() // it was taken in
	select {
	case e.responses <- b:
		return nil
	case <-e.ctx.Done():
		return e.ctx.Err()
	}
}

type clientEnd struct{ *tube }

func (e clientEnd) SendMsg(m any) error {
	b, err := proto.Marshal(m.(proto.Message))
	if err != nil {
		return err
	}
	select {
	case e.requests <- b:
		return nil
	case <-e.ctx.Done():
		return io.EOF
	}
}

func (e clientEnd) RecvMsg(m any) error {
	select {
	case b := <-e.responses:
		return proto.Unmarshal(b, m.(proto.Message))
	case <-e.over:
	}
	select {
	case b := <-e.responses:
		return proto.Unmarshal(b, m.(proto.Message))
	default:
		return cmp.Or(e.how, io.EOF)
	}
}
