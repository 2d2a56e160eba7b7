package chaos_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
)

const (
	clusterType  = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	endpointType = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
)

// clientFaults are clients that misbehave while others are served: changes must reach the others in
// time even during the fault.
func clientFaults() []fault {
	hostile := func(name, how string, short bool, storm func(ctx context.Context, t *testing.T, address string, did *atomic.Int64)) fault {
		return fault{name: name, how: how, short: short, do: func(t *testing.T, s *scene) {
			ctx, end := context.WithCancel(t.Context())
			var did atomic.Int64
			var stormed sync.WaitGroup
			stormed.Go(func() { storm(ctx, t, s.legate.XDS, &did) })
			hold(4 * time.Second)
			s.meanwhile(t)
			hold(4 * time.Second)
			s.meanwhile(t)
			end()
			stormed.Wait()
			if did.Load() == 0 {
				t.Fatal("the hostile clients did nothing")
			}
			t.Logf("%s: %d times", name, did.Load())
		}}
	}
	return []fault{
		{name: "Envoy killed mid-push", how: "SIGKILL to a third Envoy while ten instances are registered, started again", do: func(t *testing.T, s *scene) {
			e := newEnvoy(t, s.legate, "delta", "victim")
			port := s.backends[own+"-0"].Port
			done := make(chan error, 1)
			go func() {
				for i := range 10 {
					if err := s.consul.Register(t.Context(), instanceOf(fmt.Sprintf("extra-%d", i), "extra", port)); err != nil {
						done <- err
						return
					}
				}
				done <- nil
			}()
			hold(20 * time.Millisecond)
			must(t, e.Kill())
			must(t, <-done)
			must(t, e.Start(t.Context()))
			must(t, soon(t.Context(), converge, func() error { return e.has(t.Context(), "extra", s.backends[own+"-0"].Addr) }))
		}},
		hostile("reader that never reads", "30 streams ask for ever new names and read nothing", true, func(ctx context.Context, t *testing.T, address string, did *atomic.Int64) {
			crowdOf(ctx, 30, address, func(ctx context.Context, conn *grpc.ClientConn, i int) {
				s, err := openADS(ctx, conn)
				for n := 0; err == nil && ctx.Err() == nil; n++ {
					names := make([]string, 200)
					for j := range names {
						names[j] = fmt.Sprintf("nobody-%d-%d-%d", i, n, j)
					}
					if err = s.Send(&discoveryv3.DeltaDiscoveryRequest{Node: nodeOf(i), TypeUrl: endpointType, ResourceNamesSubscribe: names}); err == nil {
						did.Add(1)
						wait(ctx, 50*time.Millisecond)
					}
				}
				<-ctx.Done()
			})
		}),
		hostile("NACK-all", "30 streams reject every response", true, func(ctx context.Context, t *testing.T, address string, did *atomic.Int64) {
			crowdOf(ctx, 30, address, func(ctx context.Context, conn *grpc.ClientConn, i int) {
				s, err := openADS(ctx, conn)
				if err == nil {
					err = s.Send(&discoveryv3.DeltaDiscoveryRequest{Node: nodeOf(i), TypeUrl: clusterType})
				}
				if err == nil {
					err = s.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: endpointType, ResourceNamesSubscribe: crowd})
				}
				for err == nil {
					var r *discoveryv3.DeltaDiscoveryResponse
					if r, err = s.Recv(); err == nil {
						did.Add(1)
						err = s.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: r.GetTypeUrl(), ResponseNonce: r.GetNonce(), ErrorDetail: &rpcstatus.Status{Code: 3, Message: "I do not like it"}})
					}
				}
			})
		}),
		hostile("1,000 reconnects at once", "1,000 streams on 20 connections, all broken and opened again, every 3 s", false, func(ctx context.Context, t *testing.T, address string, did *atomic.Int64) {
			for ctx.Err() == nil {
				round, end := context.WithTimeout(ctx, 3*time.Second)
				var streams sync.WaitGroup
				for c := range 20 {
					streams.Go(func() {
						conn, err := dial(address)
						if err != nil {
							return
						}
						defer conn.Close()
						var of sync.WaitGroup
						for i := range 50 {
							of.Go(func() {
								s, err := openADS(round, conn)
								if err == nil {
									err = s.Send(&discoveryv3.DeltaDiscoveryRequest{Node: nodeOf(c*50 + i), TypeUrl: clusterType})
								}
								for err == nil {
									if _, err = s.Recv(); err == nil {
										did.Add(1)
									}
								}
							})
						}
						of.Wait()
					})
				}
				streams.Wait()
				end()
			}
		}),
		hostile("node id changed mid-stream", "30 streams send another node with every request", false, func(ctx context.Context, t *testing.T, address string, did *atomic.Int64) {
			crowdOf(ctx, 30, address, func(ctx context.Context, conn *grpc.ClientConn, i int) {
				s, err := openADS(ctx, conn)
				for n := 0; err == nil && ctx.Err() == nil; n++ {
					if err = s.Send(&discoveryv3.DeltaDiscoveryRequest{Node: nodeOf(i*1_000_000 + n), TypeUrl: clusterType}); err == nil {
						did.Add(1)
						wait(ctx, 5*time.Millisecond)
					}
				}
			})
		}),
		hostile("oversized and malformed messages", "8 MiB messages, nodes of 100 KiB, 20,000 type URLs, bytes that are no protobuf, and bytes that are no HTTP/2", true, func(ctx context.Context, t *testing.T, address string, did *atomic.Int64) {
			crowdOf(ctx, 10, address, func(ctx context.Context, conn *grpc.ClientConn, i int) {
				for ctx.Err() == nil {
					malformed(ctx, conn, address, i)
					did.Add(1)
					wait(ctx, 50*time.Millisecond)
				}
			})
		}),
		hostile("rapid stream resets", "8 connections open streams, ask, and reset them at once, as fast as they can", false, func(ctx context.Context, t *testing.T, address string, did *atomic.Int64) {
			crowdOf(ctx, 8, address, func(ctx context.Context, conn *grpc.ClientConn, i int) {
				for ctx.Err() == nil {
					one, reset := context.WithCancel(ctx)
					if s, err := openADS(one, conn); err == nil {
						_ = s.Send(&discoveryv3.DeltaDiscoveryRequest{Node: nodeOf(i), TypeUrl: clusterType}) // it may be refused
						did.Add(1)
					}
					reset()
				}
			})
		}),
	}
}

func dial(address string) (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
}

func openADS(ctx context.Context, conn *grpc.ClientConn) (discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesClient, error) {
	return discoveryv3.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(ctx)
}

func nodeOf(i int) *corev3.Node {
	return &corev3.Node{Id: fmt.Sprintf("hostile-%d", i), UserAgentName: "envoy"}
}

// crowdOf runs n clients until ctx ends, each with a connection of its own. A refused client
// reconnects.
func crowdOf(ctx context.Context, n int, address string, client func(context.Context, *grpc.ClientConn, int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			conn, err := dial(address)
			if err != nil {
				return
			}
			defer conn.Close()
			for ctx.Err() == nil {
				client(ctx, conn, i)
				wait(ctx, 100*time.Millisecond)
			}
		})
	}
	all.Wait()
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// malformed sends one of several kinds of garbage.
func malformed(ctx context.Context, conn *grpc.ClientConn, address string, i int) {
	ctx, end := context.WithTimeout(ctx, 2*time.Second)
	defer end()
	switch rand.IntN(5) {
	case 0:
		raw, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		defer raw.Close()
		garbage := make([]byte, 4096)
		for j := range garbage {
			garbage[j] = byte(rand.IntN(256))
		}
		_, _ = raw.Write(garbage) // the server may have closed the connection
	case 1:
		send(ctx, conn, &discoveryv3.DeltaDiscoveryRequest{Node: nodeOf(i), TypeUrl: endpointType, ResourceNamesSubscribe: []string{strings.Repeat("x", 8<<20)}})
	case 2:
		node := nodeOf(i)
		node.Cluster = strings.Repeat("x", 100<<10)
		send(ctx, conn, &discoveryv3.DeltaDiscoveryRequest{Node: node, TypeUrl: clusterType})
	case 3:
		s, err := openADS(ctx, conn)
		for n := 0; err == nil && n < 20_000; n++ {
			err = s.Send(&discoveryv3.DeltaDiscoveryRequest{Node: nodeOf(i), TypeUrl: fmt.Sprintf("type.googleapis.com/made.up.Type%d", n)})
		}
	case 4:
		s, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true},
			discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResources_FullMethodName, grpc.ForceCodec(asIs{}))
		if err == nil {
			_ = s.SendMsg(bytes.Repeat([]byte{0xff}, 1000)) // it should be refused
			var reply []byte
			_ = s.RecvMsg(&reply)
		}
	}
}

func send(ctx context.Context, conn *grpc.ClientConn, m *discoveryv3.DeltaDiscoveryRequest) {
	s, err := openADS(ctx, conn)
	if err == nil && s.Send(m) == nil {
		_, _ = s.Recv() // the refusal
	}
}

// asIs is a codec for bytes that are not a message.
type asIs struct{}

func (asIs) Name() string { return "proto" }

func (asIs) Marshal(v any) ([]byte, error) {
	if m, ok := v.(proto.Message); ok {
		return proto.Marshal(m)
	}
	return v.([]byte), nil
}

func (asIs) Unmarshal(data []byte, v any) error {
	if to, ok := v.(*[]byte); ok {
		*to = data
	}
	return nil
}
