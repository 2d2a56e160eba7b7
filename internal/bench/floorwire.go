package main

import (
	"fmt"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"legate/translate"
)

// nonceField is the number of the nonce in both kinds of responses.
const nonceField = 5

// floorRequest is a request as the floor sees it: an acknowledgement, which it does not read, or a
// subscription.
type floorRequest struct {
	delta bool
	asks  *subscription
}

// subscription is what the first request of a type asks for.
type subscription struct {
	typeURL string
	names   []string
	holds   bool // whether the client already holds resources
}

// floorCodec sends slices of buffers as they are, and reads a [floorRequest].
type floorCodec struct{}

func (floorCodec) Name() string { return "proto" }

func (floorCodec) Marshal(v any) (mem.BufferSlice, error) {
	b, ok := v.(mem.BufferSlice)
	if !ok {
		return nil, fmt.Errorf("encode %T: not a frame", v)
	}
	return b, nil
}

func (floorCodec) Unmarshal(data mem.BufferSlice, v any) error {
	r, ok := v.(*floorRequest)
	if !ok {
		return fmt.Errorf("decode %T: not a request", v)
	}
	if r.isAnswer(data) {
		return nil
	}
	b := data.Materialize()
	if r.delta {
		m := &discoveryv3.DeltaDiscoveryRequest{}
		if err := proto.Unmarshal(b, m); err != nil {
			return err
		}
		if m.GetResponseNonce() == "" {
			r.asks = &subscription{m.GetTypeUrl(), m.GetResourceNamesSubscribe(), len(m.GetInitialResourceVersions()) > 0}
		}
		return nil
	}
	m := &discoveryv3.DiscoveryRequest{}
	if err := proto.Unmarshal(b, m); err != nil {
		return err
	}
	r.asks = &subscription{m.GetTypeUrl(), m.GetResourceNames(), false}
	return nil
}

// isAnswer recognises an acknowledgement of the scripted clients without decoding it. They write
// fields in the order of their numbers: one on a state-of-the-world stream begins with the version
// that it acknowledges, which a first request lacks; incremental ones are short.
func (r *floorRequest) isAnswer(data mem.BufferSlice) bool {
	if len(data) == 0 || data[0].Len() == 0 {
		return false
	}
	const version = 1<<3 | byte(protowire.BytesType)
	return !r.delta && data[0].ReadOnlyData()[0] == version
}

// wrapped returns a resource in the form of a delta response.
func wrapped(r translate.Resource) *discoveryv3.Resource {
	return &discoveryv3.Resource{
		Name: r.Name.Name, Version: r.Version,
		Resource: anyOf(r),
	}
}

func anyOf(r translate.Resource) *anypb.Any { return &anypb.Any{TypeUrl: r.Type, Value: r.Value} }
