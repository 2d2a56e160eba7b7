package main

import (
	"context"
	"fmt"
	"maps"
	"net"
	"strconv"
	"sync"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"legate/translate"
)

// floor is the minimum that a grpc-go server can do: it sends prepared frames followed by the
// stream's nonce, and reads what comes back. It decodes the first request of each type on a stream
// to learn the subscription, and only reads later ones. A change is one frame, which goes to every
// stream that wants any part of it.
type floor struct {
	counter
	fleet fleet

	mu      sync.Mutex
	held    map[translate.Name]translate.Resource
	whole   map[string]frames // the whole content by type; made on first use or on request
	streams map[*floorStream]struct{}
	byName  map[translate.Name]map[*floorStream]struct{}
}

// frames are the same resources as a frame of each protocol.
type frames struct{ sotw, delta []byte }

func newFloor(f fleet) *floor {
	return &floor{
		fleet: f, held: map[translate.Name]translate.Resource{}, whole: map[string]frames{},
		streams: map[*floorStream]struct{}{}, byName: map[translate.Name]map[*floorStream]struct{}{},
	}
}

// floorStream is an open stream. Its lock serialises what is sent on it.
type floorStream struct {
	grpc.ServerStream
	delta bool

	mu    sync.Mutex
	nonce uint64
	wild  map[string]bool // by type; guarded by the floor's lock, like named
	named []translate.Name
}

func (s *floorStream) send(f frames) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nonce++
	shared := f.sotw
	if s.delta {
		shared = f.delta
	}
	nonce := protowire.AppendTag(make([]byte, 0, 16), nonceField, protowire.BytesType)
	nonce = protowire.AppendString(nonce, strconv.FormatUint(s.nonce, 10))
	return s.SendMsg(mem.BufferSlice{mem.SliceBuffer(shared), mem.SliceBuffer(nonce)})
}

func (f *floor) prepare(c step) (func() error, error) {
	batch := c.batch
	f.mu.Lock()
	defer f.mu.Unlock()
	byType := map[string][]translate.Resource{}
	interested := map[string]map[*floorStream]struct{}{}
	for _, r := range batch.Set {
		f.held[r.Name] = r
		byType[r.Type] = append(byType[r.Type], r)
		delete(f.whole, r.Type)
		if interested[r.Type] == nil {
			interested[r.Type] = map[*floorStream]struct{}{}
		}
		maps.Copy(interested[r.Type], f.byName[r.Name])
	}
	ready := map[string]frames{}
	for typeURL, resources := range byType {
		made, err := framesOf(typeURL, resources)
		if err != nil {
			return nil, err
		}
		ready[typeURL] = made
		if len(resources) == f.fleet.Services {
			f.whole[typeURL] = made
		}
		for s := range f.streams {
			if s.wild[typeURL] {
				interested[typeURL][s] = struct{}{}
			}
		}
	}
	return func() error {
		for _, typeURL := range []string{translate.ClusterType, translate.AssignmentType} {
			for s := range interested[typeURL] {
				if err := s.send(ready[typeURL]); err != nil {
					return err
				}
			}
		}
		return nil
	}, nil
}

// framesOf encodes a response with these resources, without a nonce, for both protocols.
func framesOf(typeURL string, resources []translate.Resource) (frames, error) {
	delta := &discoveryv3.DeltaDiscoveryResponse{TypeUrl: typeURL, SystemVersionInfo: "bench"}
	sotw := &discoveryv3.DiscoveryResponse{TypeUrl: typeURL, VersionInfo: "bench"}
	for _, r := range resources {
		m := wrapped(r)
		delta.Resources = append(delta.Resources, m)
		sotw.Resources = append(sotw.Resources, m.GetResource())
	}
	s, err := proto.Marshal(sotw)
	if err != nil {
		return frames{}, fmt.Errorf("encode %q: %w", typeURL, err)
	}
	d, err := proto.Marshal(delta)
	if err != nil {
		return frames{}, fmt.Errorf("encode %q: %w", typeURL, err)
	}
	return frames{s, d}, nil
}

func (f *floor) run(ctx context.Context, l net.Listener) error {
	stream := func(name string, delta bool) grpc.StreamDesc {
		return grpc.StreamDesc{
			StreamName: name, ServerStreams: true, ClientStreams: true,
			Handler: func(_ any, s grpc.ServerStream) error { return f.handle(s, delta) },
		}
	}
	d := &grpc.ServiceDesc{
		ServiceName: discoveryv3.AggregatedDiscoveryService_ServiceDesc.ServiceName,
		HandlerType: (*any)(nil),
		Streams:     []grpc.StreamDesc{stream("StreamAggregatedResources", false), stream("DeltaAggregatedResources", true)},
	}
	return serveGRPC(ctx, l, func(g *grpc.Server) { g.RegisterService(d, f) }, grpc.ForceServerCodecV2(floorCodec{}))
}

// handle reads one stream to its end. A stream that subscribes during a change may get it or not:
// no case changes anything at that time.
func (f *floor) handle(stream grpc.ServerStream, delta bool) error {
	s := &floorStream{ServerStream: stream, delta: delta, wild: map[string]bool{}}
	f.mu.Lock()
	f.streams[s] = struct{}{}
	f.mu.Unlock()
	defer f.leave(s)
	for {
		r := &floorRequest{delta: delta}
		if err := stream.RecvMsg(r); err != nil {
			return nil //nolint:nilerr // a stream ends when its client goes
		}
		if r.asks != nil {
			made, due, err := f.answer(s, r.asks)
			if err == nil && due {
				err = s.send(made)
			}
			if err != nil {
				return err
			}
		}
		f.seen.Add(1)
	}
}

// answer returns the response to the first request of a type, if there is one, and records the
// subscription. A request that names everything counts as a wildcard. A client that holds anything
// is taken to hold everything.
func (f *floor) answer(s *floorStream, r *subscription) (made frames, due bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(r.names) == 0 || r.names[0] == "*" || len(r.names) == f.fleet.Services {
		s.wild[r.typeURL] = true
		made, err = f.all(r.typeURL)
		return made, !r.holds, err
	}
	resources := make([]translate.Resource, len(r.names))
	for i, name := range r.names {
		n := translate.Name{Type: r.typeURL, Name: name}
		if f.byName[n] == nil {
			f.byName[n] = map[*floorStream]struct{}{}
		}
		f.byName[n][s] = struct{}{}
		s.named = append(s.named, n)
		resources[i] = f.held[n]
	}
	made, err = framesOf(r.typeURL, resources)
	return made, !r.holds, err
}

// all returns a frame with the whole content of a type.
func (f *floor) all(typeURL string) (frames, error) {
	if made, ok := f.whole[typeURL]; ok {
		return made, nil
	}
	var all []translate.Resource
	for n, r := range f.held {
		if n.Type == typeURL {
			all = append(all, r)
		}
	}
	made, err := framesOf(typeURL, all)
	if err == nil {
		f.whole[typeURL] = made
	}
	return made, err
}

func (f *floor) leave(s *floorStream) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.streams, s)
	for _, n := range s.named {
		delete(f.byName[n], s)
	}
}
