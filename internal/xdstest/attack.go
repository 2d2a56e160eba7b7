package xdstest

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/structpb"
)

// Attack is an attempt to exhaust a server's resources.
type Attack struct {
	Name, How string
	run       func(a attacker)
}

// Attacks returns all attacks; the last two are several of the others at once, and all of them.
func Attacks() []Attack {
	all := []Attack{
		{"rejects all", "a stream rejects every response", func(a attacker) { a.crowd(1, a.rejectAll) }},
		{"never reads", "50 connections ask for everything again and again and read nothing", func(a attacker) { a.crowd(50, a.neverRead) }},
		{"large nodes", "300 streams name nodes with 1 MiB of metadata", func(a attacker) { a.crowd(300, a.largeNode) }},
		{"dense nodes", "100 streams name nodes whose metadata takes 40 times as much when it is decoded", func(a attacker) { a.crowd(100, a.denseNode) }},
		{"type URLs", "a stream asks for 20,000 types", func(a attacker) { a.crowd(1, a.typeURLs) }},
		{"rapid resets", "8 connections open streams, ask, and reset them at once", func(a attacker) { a.crowd(8, a.reset) }},
		{"half-sent messages", "300 streams send all but the last byte of 4 MiB, or of 2 MiB", func(a attacker) { a.crowd(300, a.halfSend) }},
		{"long names", "10 streams ask for 20,000 unknown names of 1,000 bytes", func(a attacker) { a.crowd(10, a.longNames) }},
		{"fresh names", "10 streams ask for 20,000 other unknown names with each request", func(a attacker) { a.crowd(10, a.freshNames) }},
		{"empty frames", "5 connections send SETTINGS, and DATA frames with nothing in them", func(a attacker) { a.crowd(5, a.emptyFrames) }},
	}
	mixed := map[string]bool{"rejects all": true, "never reads": true, "large nodes": true, "type URLs": true, "rapid resets": true}
	some := slices.DeleteFunc(slices.Clone(all), func(a Attack) bool { return !mixed[a.Name] })
	return append(slices.Clip(all),
		Attack{"mixed", "those who reject all, never read, have large nodes, ask for 20,000 types and reset streams, at once", atOnce(some)},
		Attack{"all of it", "all of the above at once", atOnce(all)})
}

// atOnce runs several attacks at the same time.
func atOnce(all []Attack) func(a attacker) {
	return func(a attacker) {
		var at sync.WaitGroup
		for _, attack := range all {
			at.Go(func() { attack.run(a) })
		}
		at.Wait()
	}
}

// Run attacks the server at address from the IP address from, until the context is done. did counts
// what was sent.
func (a Attack) Run(ctx context.Context, address string, from net.IP, did *atomic.Int64) {
	a.run(attacker{ctx, address, from, did})
}

type attacker struct {
	ctx     context.Context
	address string
	from    net.IP
	did     *atomic.Int64
}

type adsStream = discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesClient

func (a attacker) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	return (&net.Dialer{LocalAddr: &net.TCPAddr{IP: a.from}}).DialContext(ctx, "tcp", a.address)
}

// crowd runs behave for n clients, each with a connection of its own, again and again.
func (a attacker) crowd(n int, behave func(conn *grpc.ClientConn, i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			conn, err := grpc.NewClient("passthrough:///"+a.address, grpc.WithTransportCredentials(insecure.NewCredentials()),
				grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return a.dial(ctx, "", "") }))
			if err != nil {
				return
			}
			defer conn.Close()
			for a.ctx.Err() == nil {
				behave(conn, i)
				a.wait(100 * time.Millisecond)
			}
		})
	}
	all.Wait()
}

func (a attacker) wait(d time.Duration) {
	select {
	case <-a.ctx.Done():
	case <-time.After(d):
	}
}

// open opens a stream; nil if it is refused.
func (a attacker) open(ctx context.Context, conn *grpc.ClientConn, first *discoveryv3.DeltaDiscoveryRequest) adsStream {
	s, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(ctx)
	if err != nil || s.Send(first) != nil {
		return nil
	}
	a.did.Add(1)
	return s
}

const (
	clusters    = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	assignments = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
)

func attackerOf(kind string, i int) *corev3.Node {
	return &corev3.Node{Id: fmt.Sprint(kind, "-", i), UserAgentName: "envoy"}
}

func (a attacker) rejectAll(conn *grpc.ClientConn, i int) {
	s := a.open(a.ctx, conn, &discoveryv3.DeltaDiscoveryRequest{Node: attackerOf("rejects", i), TypeUrl: clusters})
	for s != nil {
		r, err := s.Recv()
		if err != nil {
			return
		}
		a.did.Add(1)
		if s.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: r.GetTypeUrl(), ResponseNonce: r.GetNonce(), ErrorDetail: &rpcstatus.Status{Code: 3, Message: "no"}}) != nil {
			return
		}
	}
}

func (a attacker) neverRead(conn *grpc.ClientConn, i int) {
	ctx, end := context.WithTimeout(a.ctx, 20*time.Second)
	defer end()
	s := a.open(ctx, conn, &discoveryv3.DeltaDiscoveryRequest{Node: attackerOf("deaf", i), TypeUrl: clusters})
	for s != nil && s.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: clusters, ResourceNamesUnsubscribe: []string{"*"}}) == nil {
		if s.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: clusters, ResourceNamesSubscribe: []string{"*"}}) != nil {
			return
		}
		a.did.Add(1)
		a.wait(5 * time.Millisecond)
	}
}

// refuse sends a request and waits for its consequences.
func (a attacker) refuse(conn *grpc.ClientConn, r *discoveryv3.DeltaDiscoveryRequest) {
	ctx, end := context.WithTimeout(a.ctx, 10*time.Second)
	defer end()
	if s := a.open(ctx, conn, r); s != nil {
		_, _ = s.Recv() // a refusal, or a response
		_, _ = s.Recv() // it stays open for a while
	}
}

func (a attacker) largeNode(conn *grpc.ClientConn, i int) {
	node := attackerOf("large", i)
	node.Metadata = &structpb.Struct{Fields: map[string]*structpb.Value{"x": structpb.NewStringValue(strings.Repeat("x", 1<<20))}}
	a.refuse(conn, &discoveryv3.DeltaDiscoveryRequest{Node: node, TypeUrl: clusters})
}

func (a attacker) denseNode(conn *grpc.ClientConn, i int) {
	node, nothing := attackerOf("dense", i), make([]*structpb.Value, 250<<10)
	for i := range nothing {
		nothing[i] = &structpb.Value{}
	}
	node.Metadata = &structpb.Struct{Fields: map[string]*structpb.Value{"x": structpb.NewListValue(&structpb.ListValue{Values: nothing})}}
	a.refuse(conn, &discoveryv3.DeltaDiscoveryRequest{Node: node, TypeUrl: clusters})
}

func (a attacker) typeURLs(conn *grpc.ClientConn, i int) {
	ctx, end := context.WithTimeout(a.ctx, 10*time.Second)
	defer end()
	s := a.open(ctx, conn, &discoveryv3.DeltaDiscoveryRequest{Node: attackerOf("types", i), TypeUrl: clusters})
	for n := 0; s != nil && n < 20_000; n++ {
		if s.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: fmt.Sprintf("type.googleapis.com/made.up.Type%d", n)}) != nil {
			return
		}
		a.did.Add(1)
	}
	<-ctx.Done()
}

func (a attacker) reset(conn *grpc.ClientConn, i int) {
	for range 1000 {
		ctx, reset := context.WithCancel(a.ctx)
		a.open(ctx, conn, &discoveryv3.DeltaDiscoveryRequest{Node: attackerOf("resets", i), TypeUrl: clusters})
		reset()
		if a.ctx.Err() != nil {
			return
		}
	}
}

// nobody returns that many names that nobody has, each of at least that many bytes.
func nobody(kind string, i, round, n, bytes int) []string {
	all := make([]string, n)
	for j := range all {
		name := fmt.Sprint(kind, "-", i, "-", round, "-", j)
		all[j] = name + strings.Repeat("x", max(0, bytes-len(name)))
	}
	return all
}

func (a attacker) longNames(conn *grpc.ClientConn, i int) {
	ctx, end := context.WithTimeout(a.ctx, 10*time.Second)
	defer end()
	s := a.open(ctx, conn, &discoveryv3.DeltaDiscoveryRequest{Node: attackerOf("long", i), TypeUrl: assignments})
	for part := 0; s != nil && part < 20; part++ {
		if s.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: assignments, ResourceNamesSubscribe: nobody("long", i, part, 1000, 1000)}) != nil {
			return
		}
		a.did.Add(1)
	}
	for s != nil {
		if r, err := s.Recv(); err != nil || s.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: r.GetTypeUrl(), ResponseNonce: r.GetNonce()}) != nil {
			return
		}
	}
}

func (a attacker) freshNames(conn *grpc.ClientConn, i int) {
	s, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).StreamAggregatedResources(a.ctx)
	for round := 0; err == nil; round++ {
		err = s.Send(&discoveryv3.DiscoveryRequest{Node: attackerOf("fresh", i), TypeUrl: assignments, ResourceNames: nobody("fresh", i, round, 20_000, 0)})
		a.did.Add(1)
	}
}
