package xdsserver

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/anypb"

	"legate/xdsserver/admission"
)

// frame is a response that is encoded already. All streams that are sent the same share its bytes, but
// for the nonce.
type frame struct {
	buffers mem.BufferSlice
	charge  *admission.Charge // for its memory until the client has read it; nil: it is not counted
}

// codec sends frames as they are, and everything else as gRPC's protobuf codec does.
type codec struct{ encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2(proto.Name)} }

func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if f, ok := v.(*frame); ok {
		return f.buffers, nil
	}
	return c.CodecV2.Marshal(v)
}

// surround are a response's fields beside its resources and its nonce.
func surround(version, typeURL string, removed []string, identity []byte) []byte {
	size := len(identity) + len(version) + len(typeURL) + 16
	for _, name := range removed {
		size += sizeOfField(deltaRemoved, len(name))
	}
	b := make([]byte, 0, size)
	b = appendString(b, responseVersion, version)
	b = appendString(b, responseType, typeURL)
	for _, name := range removed {
		b = appendString(b, deltaRemoved, name)
	}
	return append(b, identity...)
}

// surroundings is more than the fields of a response beside its resources and its identity have.
const surroundings = 256

// roomBeside is how many bytes of resources a response may have.
func (s *Server) roomBeside(identity []byte) int {
	return max(1, s.config.MaxResponseBytes-surroundings-len(identity))
}

// identity is the encoded control_plane field, empty where there is no identifier.
func identity(number protowire.Number, identifier string) []byte {
	if identifier == "" {
		return nil
	}
	b := appendLength(nil, number, sizeOfField(controlPlaneIdentity, len(identifier)))
	return appendString(b, controlPlaneIdentity, identifier)
}

// nonceBytes is room for a nonce and its field: a number.
const nonceBytes = 24

// newFrame is a response that delivers a body.
func newFrame(version, typeURL, nonce string, p *body, identity []byte) *frame {
	f := &frame{buffers: make(mem.BufferSlice, 0, len(p.encoded)+2), charge: p.charge}
	f.buffers = append(f.buffers, mem.SliceBuffer(p.surrounded(version, typeURL, identity)))
	f.buffers = append(f.buffers, p.encoded...)
	f.buffers = append(f.buffers, mem.SliceBuffer(appendString(make([]byte, 0, nonceBytes), responseNonce, nonce)))
	return f
}

// sizeOfAny is the size of a resource in a DiscoveryResponse, but for its tag and length.
func sizeOfAny(a *anypb.Any) int {
	return sizeOfField(anyType, len(a.GetTypeUrl())) + sizeOfField(anyValue, len(a.GetValue()))
}

// encodedAny is a resource in a DiscoveryResponse. The bytes of its value are shared.
func encodedAny(a *anypb.Any) mem.BufferSlice {
	size := sizeOfAny(a)
	b := make([]byte, 0, sizeOfField(responseResources, size)-len(a.GetValue()))
	b = appendLength(b, responseResources, size)
	b = appendString(b, anyType, a.GetTypeUrl())
	b = appendLength(b, anyValue, len(a.GetValue()))
	return mem.BufferSlice{mem.SliceBuffer(b), mem.SliceBuffer(a.GetValue())}
}
