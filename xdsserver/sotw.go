package xdsserver

import (
	"cmp"
	"log/slog"
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/sotw/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/stream/v3"
)

// sotwServer is the state-of-the-world protocol: go-control-plane's sotw.Server over our store.
type sotwServer struct {
	*Server
	identity []byte
}

var _ sotw.Server = sotwServer{}

// StreamHandler serves one stream until it ends. typeURL is empty for an aggregated one.
func (s sotwServer) StreamHandler(str stream.Stream, typeURL string) error {
	return s.serve(str, typeURL, &sotwWire{
		sotwServer: s, stream: str, told: &streamCallbacks{callbacks: s.callbacks}, id: s.sotwStreams.Add(1), typeURL: typeURL,
		named: map[string]nameSum{},
	})
}

type sotwWire struct {
	sotwServer
	stream  stream.Stream
	told    *streamCallbacks
	id      int64
	typeURL string
	named   map[string]nameSum // what the last request of each type named
}

func (w *sotwWire) name() streamKey { return sotwStream(w.id) }

// receive notices a request that names what the last one of its type did, as all acknowledgements do.
func (w *sotwWire) receive() (*request, error) {
	in := &sotwRequest{seed: w.seed, before: w.named}
	if err := w.stream.RecvMsg(in); err != nil {
		return nil, err
	}
	m, typeURL := &in.message, cmp.Or(in.message.GetTypeUrl(), w.typeURL)
	last, known := w.named[typeURL]
	if w.log.Enabled(w.stream.Context(), slog.LevelDebug) {
		m.ResourceNames = in.names.strings()
	}
	switch {
	case !in.summed:
		delete(w.named, typeURL)
	case known || len(w.named) < maxTypes:
		w.named[typeURL] = in.sum
	}
	return &request{
		typeURL:   m.GetTypeUrl(),
		node:      m.GetNode(),
		nonce:     m.GetResponseNonce(),
		rejection: reasonOf(m.GetErrorDetail()),
		names:     in.names,
		repeats:   known && in.summed && last == in.sum,
		message:   m,
		buffer:    in.whole,
	}, nil
}

func (w *sotwWire) open() (*streamRecord, error) {
	err := w.told.OnStreamOpen(w.stream.Context(), w.id, w.typeURL)
	return w.told.record, err
}

func (w *sotwWire) received(r *request, node *corev3.Node) error {
	m := r.message.(*discoveryv3.DiscoveryRequest)
	m.Node, m.TypeUrl = node, r.typeURL
	return w.told.OnStreamRequest(w.id, m)
}

func (w *sotwWire) responding(message any, node *corev3.Node) {
	m := message.(*discoveryv3.DiscoveryResponse)
	w.told.OnStreamResponse(w.stream.Context(), w.id, &discoveryv3.DiscoveryRequest{Node: node, TypeUrl: m.GetTypeUrl()}, m)
}

func (w *sotwWire) closed(node *corev3.Node, cause error) {
	w.told.record.ended(cause)
	w.told.OnStreamClosed(w.id, node)
}

// want takes the names of every request, also of one that answers an older response than the
// last: requests come in order, so each is the client's last word. (The protocol lets a server
// ignore such requests. It then misses a name that was dropped and asked for again meanwhile,
// and the client waits for it in vain.)
func (w *sotwWire) want(s *subscription, r *request, first bool) error {
	s.whole = s.table.whole
	holds := first && r.message.(*discoveryv3.DiscoveryRequest).GetVersionInfo() != ""
	s.resumed = s.resumed || holds
	return s.rename(r.names, holds)
}

// bodies leaves out what is gone: state of the world has no other way to say so.
func (w *sotwWire) bodies(to []body, s *subscription, entries []*entry) []body {
	t, all, most := s.table, entries, w.roomBeside(w.identity)
	switch {
	case s.whole && s.wild:
		all, most = t.live, 0
	case s.whole:
		all, most = slices.DeleteFunc(slices.Clone(t.live), func(e *entry) bool { return !t.concerns(e, s.slot) }), 0
	}
	return t.bodies.of(to, t, false, all, s, most)
}

func (w *sotwWire) frame(t *table, p *body, nonce string) (*frame, any) {
	m := &discoveryv3.DiscoveryResponse{VersionInfo: t.version(), TypeUrl: t.typeURL, Nonce: nonce, Resources: p.anys}
	return newFrame(m.VersionInfo, m.TypeUrl, nonce, p, w.identity), m
}
