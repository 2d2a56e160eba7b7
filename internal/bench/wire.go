package main

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	"legate/translate"
)

// The clients encode and decode the protocol by hand, so that a thousand of them leave the CPU to
// the servers. Field numbers are those of envoy/service/discovery/v3/discovery.proto.
const (
	sotwReqVersion = 1
	sotwReqNode    = 2
	sotwReqNames   = 3
	sotwReqType    = 4
	sotwReqNonce   = 5

	deltaReqNode      = 1
	deltaReqType      = 2
	deltaReqSubscribe = 3
	deltaReqHave      = 5
	deltaReqNonce     = 6

	respVersion   = 1
	respResources = 2
	respType      = 4
	deltaRemoved  = 6

	deltaResourceVersion = 1
	deltaResourceAny     = 2
	deltaResourceName    = 3
	anyValue             = 2
	resourceName         = 1 // the same for Cluster and ClusterLoadAssignment
)

// response is a response of either protocol. Its content is in a buffer that is reused after free.
type response struct {
	delta   bool
	buffer  mem.Buffer
	size    int
	typeURL string
	version string
	nonce   string
}

func (r *response) free() { r.buffer.Free() }

// clientCodec sends slices of buffers and reads a [response].
type clientCodec struct{}

func (clientCodec) Name() string { return "proto" }

func (clientCodec) Marshal(v any) (mem.BufferSlice, error) {
	b, ok := v.(mem.BufferSlice)
	if !ok {
		return nil, fmt.Errorf("encode %T: not a request", v)
	}
	return b, nil
}

func (clientCodec) Unmarshal(data mem.BufferSlice, v any) error {
	r, ok := v.(*response)
	if !ok {
		return fmt.Errorf("decode %T: not a response", v)
	}
	r.size = data.Len()
	r.buffer = data.MaterializeToBuffer(mem.DefaultBufferPool())
	return r.head()
}

// head decodes everything but the resources.
func (r *response) head() error {
	return fields(r.buffer.ReadOnlyData(), func(number protowire.Number, value []byte) error {
		switch number {
		case respVersion:
			r.version = string(value)
		case respType:
			r.typeURL = typeOf(value)
		case nonceField:
			r.nonce = string(value)
		}
		return nil
	})
}

// typeOf returns a type URL, without an allocation for those that are served.
func typeOf(b []byte) string {
	switch string(b) {
	case translate.AssignmentType:
		return translate.AssignmentType
	case translate.ClusterType:
		return translate.ClusterType
	}
	return string(b)
}

// each yields the resources with their names, and removed names with a nil value. Only incremental
// responses have a version for each resource.
func (r *response) each(yield func(name, version, value []byte) error) error {
	return fields(r.buffer.ReadOnlyData(), func(number protowire.Number, value []byte) error {
		switch {
		case number == respResources && r.delta:
			var name, version, content []byte
			if err := fields(value, func(number protowire.Number, value []byte) error {
				switch number {
				case deltaResourceName:
					name = value
				case deltaResourceVersion:
					version = value
				case deltaResourceAny:
					content = field(value, anyValue)
				}
				return nil
			}); err != nil {
				return err
			}
			return yield(name, version, content)
		case number == respResources:
			content := field(value, anyValue)
			return yield(field(content, resourceName), nil, content)
		case number == deltaRemoved && r.delta:
			return yield(value, nil, nil)
		}
		return nil
	})
}

// field returns the first length-delimited field with that number, nil if there is none.
func field(message []byte, number protowire.Number) []byte {
	var found []byte
	_ = fields(message, func(n protowire.Number, value []byte) error { // a malformed message has none
		if n == number {
			found = value
			return errFound
		}
		return nil
	})
	return found
}

var errFound = errors.New("found")

// fields yields the length-delimited fields of a message, and skips all others.
func fields(message []byte, yield func(number protowire.Number, value []byte) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		if kind != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(number, kind, message); n < 0 {
				return protowire.ParseError(n)
			}
			message = message[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		if err := yield(number, value); err != nil {
			return err
		}
	}
	return nil
}

func appendBytes[T string | []byte](b []byte, number protowire.Number, value T) []byte {
	b = protowire.AppendTag(b, number, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(len(value)))
	return append(b, value...)
}

// node returns the node of a client.
func node(id string) []byte {
	return appendBytes(appendBytes(nil, 1, id), 6, "envoy") // id, user_agent_name
}
