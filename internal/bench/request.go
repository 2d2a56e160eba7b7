package main

import (
	"fmt"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// Requests have their fields in the order of the field numbers, as Envoy's library writes them.

// encodeNames encodes names as a field of a request.
func encodeNames(delta bool, names ...string) []byte {
	number := protowire.Number(sotwReqNames)
	if delta {
		number = deltaReqSubscribe
	}
	var b []byte
	for _, name := range names {
		b = appendBytes(b, number, name)
	}
	return b
}

// question returns the first request for a subscription. The first request of a stream carries the
// node.
func (s *stream) question(w want, first bool) mem.BufferSlice {
	names := w.names
	if w.services == nil {
		names = encodeNames(s.plan.delta, w.wildcard...)
	}
	var head, tail []byte
	who := node(fmt.Sprintf("envoy-%05d", s.number))
	if s.plan.delta {
		if first {
			head = appendBytes(head, deltaReqNode, who)
		}
		head = appendBytes(head, deltaReqType, typeURLs[w.kind])
		if s.plan.held != nil {
			tail = s.have(w)
		}
		return buffers(head, names, tail)
	}
	if first {
		head = appendBytes(head, sotwReqNode, who)
	}
	tail = appendBytes(tail, sotwReqType, typeURLs[w.kind])
	return buffers(head, names, tail)
}

// have returns the versions of everything in the subscription (initial_resource_versions).
func (s *stream) have(w want) []byte {
	var b, entry []byte
	add := func(i int) {
		entry = appendBytes(appendBytes(entry[:0], 1, nameOf(i)), 2, s.plan.held[w.kind][i])
		b = appendBytes(b, deltaReqHave, entry)
	}
	for i := range s.want[w.kind] {
		if w.services == nil {
			add(i)
		}
	}
	for _, i := range w.services {
		add(i)
	}
	return b
}

// ack returns the acknowledgement of a response. On state-of-the-world streams it names the whole
// subscription again.
func (s *stream) ack(r *response) mem.BufferSlice {
	if s.plan.delta {
		b := appendBytes(nil, deltaReqType, r.typeURL)
		return buffers(appendBytes(b, deltaReqNonce, r.nonce))
	}
	var names []byte
	for _, w := range s.plan.wants {
		if typeURLs[w.kind] == r.typeURL {
			names = w.names
		}
	}
	tail := appendBytes(nil, sotwReqType, r.typeURL)
	return buffers(appendBytes(nil, sotwReqVersion, r.version), names, appendBytes(tail, sotwReqNonce, r.nonce))
}

func buffers(parts ...[]byte) mem.BufferSlice {
	var all mem.BufferSlice
	for _, p := range parts {
		if len(p) > 0 {
			all = append(all, mem.SliceBuffer(p))
		}
	}
	return all
}
