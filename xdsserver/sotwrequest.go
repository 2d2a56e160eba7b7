package xdsserver

import (
	"hash/maphash"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
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
	names  []byte             // encoded; they lie in whole
	whole  *[]byte
}

// nameSum stands for names in their order: how many bytes they have, and a sum over these.
type nameSum struct {
	bytes int
	sum   uint64
}

// decode reads all but the names; but those, too, that do not stand together as every encoder
// writes them: of these there is no sum. It has the bytes until free returns them. Names that are
// those of an earlier request were looked at then.
func (r *sotwRequest) decode(whole *[]byte, seen sight) error {
	r.whole = whole
	b := *whole
	from, to, found := r.repeated(b)
	if !found {
		from, to, r.summed = namesIn(b)
		r.sum = nameSum{to - from, maphash.Bytes(r.seed, b[from:to])}
		if err := seen.look(b); err != nil {
			return err
		}
	}
	r.names = b[from:to]
	for _, part := range [][]byte{b[:from], b[to:]} {
		if found {
			if err := seen.anew().look(part); err != nil {
				return err
			}
		}
		part, err := prune(part, requestShape)
		if err != nil {
			return err
		}
		if (proto.UnmarshalOptions{Merge: true}).Unmarshal(part, &r.message) != nil {
			return errNoMessage
		}
	}
	return nil
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

// free returns the bytes that were decoded; names that were not are gone.
func (r *sotwRequest) free() *[]byte {
	whole := r.whole
	r.whole, r.names = nil, nil
	return whole
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
