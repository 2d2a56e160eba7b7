package xdsserver

import (
	"bytes"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// A message in memory may take thirty times what it takes on the wire: a list of empty messages has
// two bytes for each. So of a request only those fields are decoded that Legate reads, and the rest
// is left out before.

// shape says which fields of a message are read; of a message in it, those of another shape. A nil
// shape is a field that is read whole.
type shape struct {
	fields map[protowire.Number]*shape
	with   string // a message without that text is not read
}

// The numbers of the fields that are read (envoy/service/discovery/v3/discovery.proto,
// envoy/config/core/v3/base.proto, google/rpc/status.proto, google/protobuf/struct.proto).
var (
	fetchShape        = &shape{fields: map[protowire.Number]*shape{1: nil, 2: nodeShape, requestNames: nil, 4: nil, 5: nil, 6: statusShape}}
	requestShape      = &shape{fields: map[protowire.Number]*shape{1: nil, 2: nodeShape, 4: nil, 5: nil, 6: statusShape}} // but for the names
	deltaRequestShape = &shape{fields: map[protowire.Number]*shape{1: nodeShape, 2: nil, 5: nil, 6: nil, 7: statusShape}} // but for the names
	statusShape       = &shape{fields: map[protowire.Number]*shape{1: nil, 2: nil}}                                       // code, message
	nodeShape         = &shape{fields: map[protowire.Number]*shape{1: nil, 2: nil, 3: metadataShape, 6: nil, 10: nil}}
	metadataShape     = &shape{fields: map[protowire.Number]*shape{1: {
		fields: map[protowire.Number]*shape{1: nil, 2: {fields: map[protowire.Number]*shape{3: nil}}}, // key; value, if it is a string
		with:   sourceKey,
	}}}
)

// unmarshal reads into m what the shape has of an encoded message; all of it, if there is no shape.
func unmarshal(b []byte, s *shape, m proto.Message) (err error) {
	if s != nil {
		if b, err = prune(b, s); err != nil {
			return err
		}
	}
	if (proto.UnmarshalOptions{Merge: true}).Unmarshal(b, m) != nil {
		return errNoMessage
	}
	return nil
}

// prune leaves of an encoded message what its shape has, in the same place, and returns that.
func prune(b []byte, s *shape) ([]byte, error) {
	out := b[:0]
	for at := 0; at < len(b); {
		number, kind, n := protowire.ConsumeTag(b[at:])
		if n < 0 {
			return nil, errNoMessage
		}
		size := protowire.ConsumeFieldValue(number, kind, b[at+n:])
		if size < 0 {
			return nil, errNoMessage
		}
		field, value := b[at:at+n+size], b[at+n:at+n+size]
		at += n + size
		within, read := s.fields[number]
		switch {
		case !read:
		case within == nil || kind != protowire.BytesType:
			out = append(out, field...) // which does not stand before it
		default:
			inner, _ := protowire.ConsumeBytes(value) // as it was consumed before
			if within.with != "" && !bytes.Contains(inner, []byte(within.with)) {
				continue
			}
			inner, err := prune(inner, within)
			if err != nil {
				return nil, err
			}
			out = protowire.AppendBytes(protowire.AppendTag(out, number, kind), inner) // nor is that longer than it was
		}
	}
	return out, nil
}
