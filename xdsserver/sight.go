package xdsserver

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
)

// fields are the numbers of a request's fields that have limits; 0 where there is no such field
// (envoy/service/discovery/v3/discovery.proto).
type fields struct{ node, typeURL, names, dropped protowire.Number }

// Where they stand in a DiscoveryRequest and in a DeltaDiscoveryRequest.
var (
	sotwFields  = fields{node: 2, typeURL: 4, names: requestNames}
	deltaFields = fields{node: 1, typeURL: 2, names: 3, dropped: 4}
)

// sight looks at a request while it arrives, so that what is beyond a limit is refused before all of
// it is there. The length of a field stands before it.
type sight struct {
	fields
	limits *Limits
	most   int // names

	at                          int // where the next field begins
	nodeBytes, wanted, unwanted int
}

// anew is one that has seen nothing.
func (s *sight) anew() *sight { return &sight{fields: s.fields, limits: s.limits, most: s.most} }

var errNoMessage = status.Error(codes.InvalidArgument, "the message cannot be read")

// longestTag is the most bytes that a field's number and its length, or its number, have.
const longestTag = 5 + 10

// look goes on where it was. What is there of the message has grown.
func (s *sight) look(b []byte) error {
	for s.at < len(b) {
		number, kind, n := protowire.ConsumeTag(b[s.at:])
		if n < 0 {
			return s.unread(b)
		}
		switch kind {
		case protowire.BytesType:
			size, m := protowire.ConsumeVarint(b[s.at+n:])
			if m < 0 {
				return s.unread(b)
			}
			if size > 1<<31 {
				return errNoMessage
			}
			if err := s.field(number, int(size)); err != nil {
				return err
			}
			s.at += n + m + int(size)
		case protowire.StartGroupType, protowire.EndGroupType: // which no request has
			return errNoMessage
		default:
			m := protowire.ConsumeFieldValue(number, kind, b[s.at+n:])
			if m < 0 {
				return s.unread(b)
			}
			s.at += n + m
		}
	}
	return nil
}

// unread waits for the rest of a field's beginning, if that is what is missing.
func (s *sight) unread(b []byte) error {
	if len(b)-s.at < longestTag {
		return nil
	}
	return errNoMessage
}

// field is told of each field and of how many bytes it has.
func (s *sight) field(number protowire.Number, size int) error {
	switch number {
	case s.node:
		s.nodeBytes += size
		return checkNodeBytes(s.nodeBytes, s.limits)
	case s.typeURL:
		return checkType(size)
	case s.names:
		s.wanted++
		return s.name(size, s.wanted)
	case s.dropped:
		s.unwanted++
		return s.name(size, s.unwanted)
	}
	return nil
}

func (s *sight) name(size, count int) error {
	if count > s.most {
		return tooManyNames(s.most)
	}
	return checkName(size)
}
