package xdsserver

import (
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	"legate/xdsserver/admission"
)

// fields are the numbers of a request's fields that have limits, or that are read here; 0 where there is
// no such field (envoy/service/discovery/v3/discovery.proto).
type fields struct{ node, typeURL, names, dropped, nonce protowire.Number }

// Where they stand in a DiscoveryRequest and in a DeltaDiscoveryRequest.
var (
	sotwFields  = fields{node: 2, typeURL: 4, names: requestNames, nonce: 5}
	deltaFields = fields{node: 1, typeURL: 2, names: 3, dropped: 4, nonce: 6}
)

// scanner walks over the fields of an encoded request while it arrives. The length of a field stands before
// it, so what exceeds a limit is refused before all of it is there. The scanner also notes where the names
// stand, so that they need not be decoded.
type scanner struct {
	fields
	limits *admission.Limits
	most   int // names

	at               int // where the next field begins
	nodeBytes        int
	wanted, unwanted span // of the names
	texts            texts
	others           bool // there are fields of which nothing is noted here
}

// restart returns a scanner with the same limits that has seen nothing.
func (s *scanner) restart() *scanner {
	return &scanner{fields: s.fields, limits: s.limits, most: s.most}
}

var errNoMessage = status.Error(codes.InvalidArgument, "the message cannot be read")

// longestTag is the most bytes that a field's number and its length, or its number, have.
const longestTag = 5 + 10

// finish scans the rest of a message that has arrived completely.
func (s *scanner) finish(b []byte) error {
	if err := s.advance(b); err != nil {
		return err
	}
	if s.at != len(b) {
		return errNoMessage
	}
	return nil
}

// advance goes on where it stopped. b is what has arrived of the message so far.
func (s *scanner) advance(b []byte) error {
	for s.at < len(b) {
		if size := s.shortName(b[s.at:]); size > 0 {
			if err := s.name(&s.wanted, size); err != nil {
				return err
			}
			continue
		}
		number, kind, n := protowire.ConsumeTag(b[s.at:])
		if n < 0 {
			return s.incomplete(b)
		}
		switch kind {
		case protowire.BytesType:
			size, m := protowire.ConsumeVarint(b[s.at+n:])
			if m < 0 {
				return s.incomplete(b)
			}
			if size > 1<<31 {
				return errNoMessage
			}
			from := s.at + n + m
			if err := s.field(number, int(size), n+m+int(size)); err != nil {
				return err
			}
			s.note(number, from)
		case protowire.StartGroupType, protowire.EndGroupType: // which no request has
			return errNoMessage
		default:
			m := protowire.ConsumeFieldValue(number, kind, b[s.at+n:])
			if m < 0 {
				return s.incomplete(b)
			}
			s.at += n + m
			s.others = true
		}
	}
	return nil
}

// incomplete returns nil if only the rest of a field's tag and length may be missing.
func (s *scanner) incomplete(b []byte) error {
	if len(b)-s.at < longestTag {
		return nil
	}
	return errNoMessage
}

// texts says where the type and the nonce of a request stand, each time the last one: an incremental
// acknowledgement has nothing else.
type texts struct{ typeURL, nonce [2]int }

// note notes a field whose value has been passed.
func (s *scanner) note(number protowire.Number, from int) {
	switch value := [2]int{from, s.at}; number {
	case s.names, s.dropped:
	case s.typeURL:
		s.texts.typeURL = value
	case s.nonce:
		s.texts.nonce = value
	default:
		s.others = true
	}
}

// text is a value in a message that is there as a whole. The URLs of the types that are served are not
// copied.
func text(b []byte, at [2]int) (string, error) {
	value := b[at[0]:at[1]]
	for _, t := range resourceTypes {
		if string(value) == t.typeURL {
			return t.typeURL, nil
		}
	}
	if !utf8.Valid(value) {
		return "", errNoMessage
	}
	return string(value), nil
}

// shortName is the size of the field at the beginning, if that is a name of less than 128 bytes: the
// usual case, made fast. It is 0 for all others.
func (s *scanner) shortName(b []byte) int {
	if s.names == 0 || len(b) < 2 || b[0] != byte(s.names)<<3|byte(protowire.BytesType) || b[1] >= 0x80 {
		return 0
	}
	return 2 + int(b[1])
}

// field is told of each field, of how many bytes its value has, and how many all of it has.
func (s *scanner) field(number protowire.Number, size, all int) error {
	switch number {
	case s.node:
		s.nodeBytes += size
		if err := checkNodeBytes(s.nodeBytes, s.limits); err != nil {
			return err
		}
	case s.typeURL:
		if err := checkType(size); err != nil {
			return err
		}
	case s.names:
		if err := checkName(size); err != nil {
			return err
		}
		return s.name(&s.wanted, all)
	case s.dropped:
		if err := checkName(size); err != nil {
			return err
		}
		return s.name(&s.unwanted, all)
	}
	s.at += all
	return nil
}

// name counts a field that is a name, of so many bytes in all.
func (s *scanner) name(to *span, all int) error {
	if to.count >= s.most {
		return tooManyNames(s.most)
	}
	to.add(s.at, s.at+all)
	s.at += all
	return nil
}
