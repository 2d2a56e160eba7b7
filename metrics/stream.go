package metrics

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Stream counts what an open stream exchanges. It looks its series up once for each type, since
// each request and response of a large fleet is counted here.
type Stream struct {
	ID       string // sotw-1, delta-1: each protocol has its own numbers
	Protocol string // sotw, delta

	xds *XDS
	own bool // whether it has series of its own

	mu    sync.Mutex
	node  string // label, from the first message that names a node; later ones are ignored
	types []*Exchange
}

// Exchange counts what a stream exchanges of one type. A nil Exchange counts nothing.
type Exchange struct {
	stream  *Stream
	typeURL string  // "other" for types without a label of their own
	typ     string  // label
	series  *series // nil if the type is not served
	tally   *tally
}

// Opened registers a new stream. On a nil receiver, the Stream that it returns counts nothing.
func (x *XDS) Opened(id, protocol string) *Stream {
	s := &Stream{ID: id, Protocol: protocolLabel(protocol), xds: x}
	if x == nil {
		return s
	}
	x.open.WithLabelValues(s.Protocol).Inc()
	x.opened.WithLabelValues(s.Protocol).Inc()
	x.streams.begin(s)
	x.totals.streams.Add(1)
	return s
}

// Closed ends the stream, with its duration and gRPC code (OK, Canceled, …). It must be called
// once.
func (s *Stream) Closed(open time.Duration, code string) {
	if s == nil || s.xds == nil {
		return
	}
	x := s.xds
	x.open.WithLabelValues(s.Protocol).Dec()
	x.closed.WithLabelValues(s.Protocol, codeLabel(code)).Inc()
	x.duration.WithLabelValues(s.Protocol).Observe(open.Seconds())
	x.streams.end(s)
	x.totals.streams.Add(1)
}

// Request counts a request. The kind is subscribe, ack, nack or stale.
func (e *Exchange) Request(kind string) {
	if e == nil {
		return
	}
	x := e.stream.xds
	x.totals.request(e.stream.Protocol)
	x.request(e.series, e.typ, e.stream.Protocol, kind)
	e.tally.requests.Add(1)
	if kind == "nack" {
		x.nacks.WithLabelValues(e.typ).Inc()
		x.lastNACK.WithLabelValues(e.typ).Set(unixSeconds(x.now()))
	}
}

// Response counts a response with that many resources and bytes in total.
func (e *Exchange) Response(resources, bytes int) {
	if e == nil {
		return
	}
	x := e.stream.xds
	x.totals.response(e.stream.Protocol)
	x.response(e.series, e.typ, e.stream.Protocol, resources, bytes)
	e.tally.responses.Add(1)
}

// Named says which node the stream belongs to. The first node that is named counts.
func (s *Stream) Named(node string) {
	if s == nil || s.xds == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own && s.node == "" && node != "" {
		s.node = s.xds.streams.nodes.acquire(node)
	}
}

// Type returns the counters of a type, by its URL.
func (s *Stream) Type(typeURL string) *Exchange {
	if s == nil || s.xds == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.known(typeURL); e != nil {
		return e
	}
	typ := typeLabel(typeURL)
	if typ == other {
		typeURL = other // otherwise a client could name ever new types
	}
	e := s.known(typeURL)
	if e == nil {
		e = &Exchange{stream: s, typeURL: typeURL, typ: typ, series: s.xds.exchanges[[2]string{typ, s.Protocol}], tally: &tally{}}
		if !s.own {
			e.tally = s.xds.streams.shared(typ, s.Protocol)
		}
		s.types = append(s.types, e)
	}
	return e
}

func (s *Stream) known(typeURL string) *Exchange {
	for _, e := range s.types {
		if e.typeURL == typeURL {
			return e
		}
	}
	return nil
}

// counted returns the label of the node and what was exchanged so far.
func (s *Stream) counted() (node string, types []*Exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return cmp.Or(s.node, anonymous), slices.Clone(s.types)
}
