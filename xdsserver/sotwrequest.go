package xdsserver

import (
	"hash/maphash"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// sotwRequest is a state-of-the-world request whose names are not decoded yet. Every one repeats
// all names that its client wants, ten thousand in each acknowledgement of a large fleet, and
// hardly ever are they others than before: a sum over their bytes tells.
type sotwRequest struct {
	message discoveryv3.DiscoveryRequest // but for the names
	sum     uint64                       // of the bytes of the names, in their order
	summed  bool                         // there is such a sum

	seed  maphash.Seed
	data  mem.Buffer
	names []byte // encoded; they lie in data
}

// decode reads all but the names; but those, too, that do not stand together as every encoder
// writes them: of these there is no sum.
func (r *sotwRequest) decode(data mem.BufferSlice) error {
	r.data = data.MaterializeToBuffer(mem.DefaultBufferPool())
	b := r.data.ReadOnlyData()
	from, to, together := namesIn(b)
	r.names, r.summed = b[from:to], together
	r.sum = maphash.Bytes(r.seed, r.names)
	if err := proto.Unmarshal(b[:from], &r.message); err != nil {
		return err
	}
	return proto.UnmarshalOptions{Merge: true}.Unmarshal(b[to:], &r.message)
}

func (r *sotwRequest) decodeNames() error {
	return proto.UnmarshalOptions{Merge: true}.Unmarshal(r.names, &r.message)
}

func (r *sotwRequest) free() {
	r.data.Free()
	r.data, r.names = nil, nil
}

// namesIn says where the names stand in an encoded request, if they stand together.
func namesIn(b []byte) (from, to int, together bool) {
	ended := false
	for at := 0; at < len(b); {
		size, isName := shortName(b[at:])
		if !isName {
			number, kind, n := protowire.ConsumeField(b[at:])
			if n < 0 {
				return 0, 0, false // it is broken
			}
			size, isName = n, number == requestNames && kind == protowire.BytesType
		}
		switch {
		case !isName:
			ended = to > 0
		case ended:
			return 0, 0, false
		default:
			if to == 0 {
				from = at
			}
			to = at + size
		}
		at += size
	}
	return from, to, true
}

// shortName is the size of the field at the beginning, if that is a name of less than 128 bytes:
// the usual case, made fast.
func shortName(b []byte) (size int, ok bool) {
	const tag = requestNames<<3 | byte(protowire.BytesType)
	if len(b) < 2 || b[0] != tag || b[1] >= 0x80 || 2+int(b[1]) > len(b) {
		return 0, false
	}
	return 2 + int(b[1]), true
}
