package xdsserver

import (
	"hash/maphash"
	"slices"
	"sync"

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
	sum     nameSum
	summed  bool // there is such a sum

	seed   maphash.Seed
	before map[string]nameSum // of earlier requests
	names  []byte             // encoded; they lie in copied
	copied *[]byte
	copies *sync.Pool
}

// nameSum stands for names in their order: how many bytes they have, and a sum over these.
type nameSum struct {
	bytes int
	sum   uint64
}

// decode reads all but the names; but those, too, that do not stand together as every encoder
// writes them: of these there is no sum. (A buffer from gRPC's pool would be cleared first, which
// costs as much as all the rest.)
func (r *sotwRequest) decode(data mem.BufferSlice, copies *sync.Pool) error {
	r.copies = copies
	if used, ok := copies.Get().(*[]byte); ok {
		r.copied = used
	} else {
		r.copied = new([]byte)
	}
	*r.copied = slices.Grow((*r.copied)[:0], data.Len())[:data.Len()]
	b := *r.copied
	data.CopyTo(b)
	from, to, found := r.repeated(b)
	if !found {
		from, to, r.summed = namesIn(b)
		r.sum = nameSum{to - from, maphash.Bytes(r.seed, b[from:to])}
	}
	r.names = b[from:to]
	if err := proto.Unmarshal(b[:from], &r.message); err != nil {
		return err
	}
	return proto.UnmarshalOptions{Merge: true}.Unmarshal(b[to:], &r.message)
}

// repeated looks for the names of an earlier request, which need no walk from name to name.
func (r *sotwRequest) repeated(b []byte) (from, to int, found bool) {
	for from < len(b) {
		number, _, n := protowire.ConsumeField(b[from:])
		if n < 0 || number == requestNames {
			break
		}
		from += n
	}
	for _, s := range r.before {
		to = from + s.bytes
		if s.bytes == 0 || to > len(b) || maphash.Bytes(r.seed, b[from:to]) != s.sum {
			continue
		}
		if _, more, together := namesIn(b[to:]); more == 0 && together {
			r.sum, r.summed = s, true
			return from, to, true
		}
	}
	return 0, 0, false
}

func (r *sotwRequest) decodeNames() error {
	return proto.UnmarshalOptions{Merge: true}.Unmarshal(r.names, &r.message)
}

func (r *sotwRequest) free() {
	r.copies.Put(r.copied)
	r.copied, r.names = nil, nil
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
