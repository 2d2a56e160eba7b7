package xdsserver

import (
	"bytes"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// A decoded message may take thirty times the memory of the encoded one: an empty message in a list has two
// bytes on the wire. So the fields that Legate does not read are removed from a request before it is
// decoded.

// shape says which fields of a message are read, by number. A field that is a message has a shape of its
// own; nil means that all of the field is read.
type shape struct {
	fields map[protowire.Number]*shape
	with   string // if not empty: only messages that contain this text are read
}

// The numbers of the fields that are read (envoy/service/discovery/v3/discovery.proto,
// envoy/config/core/v3/base.proto, google/rpc/status.proto, google/protobuf/struct.proto).
var (
	fetchShape        = &shape{fields: map[protowire.Number]*shape{1: nil, 2: nodeShape, requestNames: nil, 4: nil, 5: nil, 6: statusShape}}
	requestShape      = &shape{fields: map[protowire.Number]*shape{1: nil, 2: nodeShape, 4: nil, 5: nil, 6: statusShape}} // but for the names
	deltaRequestShape = &shape{fields: map[protowire.Number]*shape{1: nodeShape, 2: nil, 5: nil, 6: nil, 7: statusShape}} // but for the names
	statusShape       = &shape{fields: map[protowire.Number]*shape{1: nil, 2: nil}}                                       // code, message
	nodeShape         = &shape{fields: map[protowire.Number]*shape{1: nil, 2: nil, 3: metadataShape, 4: localityShape, 6: nil, 10: nil}}
	localityShape     = &shape{fields: map[protowire.Number]*shape{1: nil, 2: nil}} // region, zone
	metadataShape     = &shape{fields: map[protowire.Number]*shape{1: {
		fields: map[protowire.Number]*shape{1: nil, 2: {fields: map[protowire.Number]*shape{3: nil}}}, // key; value, if it is a string
		with:   sourceKey,
	}}}
)

// unmarshal decodes the fields of an encoded message that are in the shape, all of them without a shape.
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

// prune removes from an encoded message, in place, the fields that its shape does not have.
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
