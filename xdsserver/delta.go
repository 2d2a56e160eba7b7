package xdsserver

import (
	"log/slog"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/delta/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/stream/v3"
)

// deltaServer is the incremental protocol: go-control-plane's delta.Server over our store.
type deltaServer struct {
	*Server
	identity []byte
}

var _ delta.Server = deltaServer{}

// DeltaStreamHandler serves one stream until it ends. typeURL is empty for an aggregated one.
func (s deltaServer) DeltaStreamHandler(str stream.DeltaStream, typeURL string) error {
	return s.serve(str, typeURL, &deltaWire{
		deltaServer: s, stream: str, told: &streamCallbacks{callbacks: s.callbacks}, id: s.deltaStreams.Add(1), typeURL: typeURL,
	})
}

type deltaWire struct {
	deltaServer
	stream  stream.DeltaStream
	told    *streamCallbacks
	id      int64
	typeURL string
}

func (w *deltaWire) name() streamKey { return deltaStream(w.id) }

func (w *deltaWire) receive() (*request, error) {
	in := &deltaRequest{}
	if err := w.stream.RecvMsg(in); err != nil {
		return nil, err
	}
	m := &in.message
	if w.log.Enabled(w.stream.Context(), slog.LevelDebug) {
		m.ResourceNamesSubscribe, m.ResourceNamesUnsubscribe = in.wanted.strings(), in.dropped.strings()
	}
	return &request{
		typeURL:   m.GetTypeUrl(),
		node:      m.GetNode(),
		nonce:     m.GetResponseNonce(),
		rejection: reasonOf(m.GetErrorDetail()),
		names:     in.wanted,
		dropped:   in.dropped,
		have:      m.GetInitialResourceVersions(),
		repeats:   in.wanted.isEmpty() && in.dropped.isEmpty(),
		message:   m,
		buffer:    in.whole,
	}, nil
}

func (w *deltaWire) open() (*streamRecord, error) {
	err := w.told.OnDeltaStreamOpen(w.stream.Context(), w.id, w.typeURL)
	return w.told.record, err
}

func (w *deltaWire) received(r *request, node *corev3.Node) error {
	m := r.message.(*discoveryv3.DeltaDiscoveryRequest)
	m.Node, m.TypeUrl = node, r.typeURL
	return w.told.OnStreamDeltaRequest(w.id, m)
}

func (w *deltaWire) responding(message any, node *corev3.Node) {
	m := message.(*discoveryv3.DeltaDiscoveryResponse)
	w.told.OnStreamDeltaResponse(w.id, &discoveryv3.DeltaDiscoveryRequest{Node: node, TypeUrl: m.GetTypeUrl()}, m)
}

func (w *deltaWire) closed(node *corev3.Node, cause error) {
	w.told.record.ended(cause)
	w.told.OnDeltaStreamClosed(w.id, node)
}

func (w *deltaWire) want(s *subscription, r *request, first bool) error {
	have := r.have
	if !first {
		have = nil // the protocol has it in the first request only
	}
	s.resumed = s.resumed || len(have) > 0
	if r.names.isEmpty() && r.dropped.isEmpty() && s.legacyWildcard() { // the first request: another one would repeat what was wanted
		s.everything(have)
	}
	if err := s.subscribe(r.names, have); err != nil {
		return err
	}
	s.unsubscribe(r.dropped)
	if s.named > w.config.MaxNames {
		return tooManyNames(w.config.MaxNames)
	}
	return nil
}

func (w *deltaWire) bodies(to []body, s *subscription, entries []*entry) []body {
	return s.table.bodies.of(to, s.table, true, entries, s, w.roomBeside(w.identity))
}

func (w *deltaWire) frame(t *table, p *body, nonce string) (*frame, any) {
	m := &discoveryv3.DeltaDiscoveryResponse{
		SystemVersionInfo: t.version(),
		TypeUrl:           t.typeURL,
		Nonce:             nonce,
		Resources:         p.resources,
		RemovedResources:  p.removed,
	}
	return newFrame(m.SystemVersionInfo, m.TypeUrl, nonce, p, w.identity), m
}
