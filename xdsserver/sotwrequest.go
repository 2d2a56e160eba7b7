package xdsserver

import (
	"hash/maphash"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/encoding/protowire"
)

// sotwRequest is a state-of-the-world request whose names are not decoded. Each request repeats all
// names that its client wants, ten thousand in each acknowledgement of a large fleet, and hardly ever
// are they others than before. A sum over their bytes tells.
type sotwRequest struct {
	message discoveryv3.DiscoveryRequest // but for the names
	names   nameList                     // they lie in whole
	whole   *[]byte
	sum     nameSum
	summed  bool // the names stand together, so that there is a sum

	seed   maphash.Seed
	before map[string]nameSum // of earlier requests
}

// nameSum stands for names in their order: how many there are, how many bytes they have, and a sum over these.
type nameSum struct {
	count int
	bytes int
	sum   uint64
}

// decode reads a request. It has the bytes from then on. Names that are those of an earlier request
// were looked at when that came.
func (r *sotwRequest) decode(whole *[]byte, seen scanner) error {
	r.whole = whole
	b := *whole
	if from, sum, found := r.repeated(b); found {
		to := from + sum.bytes
		head, tail := seen.restart(), seen.restart()
		if err := head.finish(b[:from]); err != nil {
			return err
		}
		if err := tail.finish(b[to:]); err != nil {
			return err
		}
		if tail.wanted.count == 0 {
			r.sum, r.summed = sum, true
			return r.read(b, span{from: from, to: to, count: sum.count})
		}
	}
	if err := seen.finish(b); err != nil {
		return err
	}
	if r.summed = !seen.wanted.apart; r.summed {
		names := b[seen.wanted.from:seen.wanted.to]
		r.sum = nameSum{seen.wanted.count, len(names), maphash.Bytes(r.seed, names)}
	}
	return r.read(b, seen.wanted)
}

// read reads a request whose names stand in the span.
func (r *sotwRequest) read(b []byte, names span) error {
	r.names = names.names(b, requestNames)
	for part := range beside(b, names) {
		if err := unmarshal(part, requestShape, &r.message); err != nil {
			return err
		}
	}
	return nil
}

// repeated looks for the names of an earlier request, which need no walk from name to name. More names
// may stand after them.
func (r *sotwRequest) repeated(b []byte) (from int, sum nameSum, found bool) {
	for from < len(b) {
		number, _, n := protowire.ConsumeField(b[from:])
		if n < 0 || number == requestNames {
			break
		}
		from += n
	}
	for _, s := range r.before {
		to := from + s.bytes
		if s.bytes > 0 && to <= len(b) && maphash.Bytes(r.seed, b[from:to]) == s.sum {
			return from, s, true
		}
	}
	return 0, nameSum{}, false
}
