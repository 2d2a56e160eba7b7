package xdsserver

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc/status"

	"legate/metrics"
	"legate/xdsserver/admission"
)

// callbacks observe every exchange: they count it, log it at debug level, and keep the records of the open
// streams. They have no influence on what is served.
type callbacks struct {
	log     *slog.Logger
	metrics *metrics.XDS
	comings *comings

	mu      sync.RWMutex
	streams map[streamKey]*streamRecord // each with a lock of its own
	left    time.Time                   // when the last of them ended; zero while there are some
	once    sync.Once
	first   chan struct{} // closed at the first request of any kind
}

// streamCallbacks are the callbacks of one stream. They hold its record, so that no exchange has to look it
// up.
type streamCallbacks struct {
	*callbacks
	record *streamRecord // from OnStreamOpen, or OnDeltaStreamOpen, on
}

var _ server.Callbacks = (*streamCallbacks)(nil)

func newCallbacks(log *slog.Logger, m *metrics.XDS) *callbacks {
	return &callbacks{
		log: log, metrics: m, comings: &comings{log: log},
		streams: map[streamKey]*streamRecord{},
		first:   make(chan struct{}),
	}
}

// streamKey names a stream. The two protocols number theirs separately.
type streamKey struct {
	protocol string
	id       int64
}

// The protocols.
const (
	sotwProtocol  = "sotw"
	deltaProtocol = "delta"
)

func sotwStream(id int64) streamKey  { return streamKey{sotwProtocol, id} }
func deltaStream(id int64) streamKey { return streamKey{deltaProtocol, id} }

// OnStreamOpen is called when a state-of-the-world stream opens.
func (c *streamCallbacks) OnStreamOpen(ctx context.Context, id int64, typeURL string) error {
	c.record = c.opened(ctx, sotwStream(id), typeURL)
	return nil
}

// OnDeltaStreamOpen is called when an incremental stream opens.
func (c *streamCallbacks) OnDeltaStreamOpen(ctx context.Context, id int64, typeURL string) error {
	c.record = c.opened(ctx, deltaStream(id), typeURL)
	return nil
}

// OnStreamClosed is called when a state-of-the-world stream has ended.
func (c *streamCallbacks) OnStreamClosed(id int64, _ *corev3.Node) { c.closed(sotwStream(id)) }

// OnDeltaStreamClosed is called when an incremental stream has ended.
func (c *streamCallbacks) OnDeltaStreamClosed(id int64, _ *corev3.Node) { c.closed(deltaStream(id)) }

// OnStreamRequest is called for each request on a state-of-the-world stream, which has its names at
// debug level only.
func (c *streamCallbacks) OnStreamRequest(_ int64, r *discoveryv3.DiscoveryRequest) error {
	c.request(exchange{
		node: r.GetNode(), typeURL: r.GetTypeUrl(), version: r.GetVersionInfo(), nonce: r.GetResponseNonce(),
		names: r.GetResourceNames(), rejection: r.GetErrorDetail(),
	})
	return nil
}

// OnStreamDeltaRequest is called for each request on an incremental stream, which has its names at
// debug level only.
func (c *streamCallbacks) OnStreamDeltaRequest(_ int64, r *discoveryv3.DeltaDiscoveryRequest) error {
	c.request(exchange{
		node: r.GetNode(), typeURL: r.GetTypeUrl(), nonce: r.GetResponseNonce(),
		names: r.GetResourceNamesSubscribe(), dropped: r.GetResourceNamesUnsubscribe(),
		rejection: r.GetErrorDetail(),
	})
	return nil
}

// OnStreamResponse is called before each response on a state-of-the-world stream.
func (c *streamCallbacks) OnStreamResponse(_ context.Context, _ int64, to *discoveryv3.DiscoveryRequest, r *discoveryv3.DiscoveryResponse) {
	size := 0
	for _, a := range r.GetResources() {
		size += len(a.GetValue())
	}
	c.response(exchange{
		node: to.GetNode(), typeURL: r.GetTypeUrl(), version: r.GetVersionInfo(), nonce: r.GetNonce(),
		count: len(r.GetResources()), size: size,
	})
}

// OnStreamDeltaResponse is called before each response on an incremental stream.
func (c *streamCallbacks) OnStreamDeltaResponse(_ int64, to *discoveryv3.DeltaDiscoveryRequest, r *discoveryv3.DeltaDiscoveryResponse) {
	size := 0
	for _, a := range r.GetResources() {
		size += len(a.GetResource().GetValue())
	}
	c.response(exchange{
		node: to.GetNode(), typeURL: r.GetTypeUrl(), version: r.GetSystemVersionInfo(), nonce: r.GetNonce(),
		count: len(r.GetResources()), dropped: r.GetRemovedResources(), size: size, delta: r.GetResources(),
	})
}

// OnFetchRequest is called for each REST request.
func (c *callbacks) OnFetchRequest(ctx context.Context, r *discoveryv3.DiscoveryRequest) error {
	c.once.Do(func() { close(c.first) })
	if c.log.Enabled(ctx, slog.LevelDebug) {
		c.log.Debug("fetch request", "node", r.GetNode().GetId(), "type", r.GetTypeUrl(), "version", r.GetVersionInfo(), "names", few(r.GetResourceNames()))
	}
	return nil
}

// OnFetchResponse is called before each REST response that carries resources.
func (c *callbacks) OnFetchResponse(r *discoveryv3.DiscoveryRequest, m *discoveryv3.DiscoveryResponse) {
	c.log.Debug("fetch response", "node", r.GetNode().GetId(), "type", m.GetTypeUrl(), "version", m.GetVersionInfo(), "resources", len(m.GetResources()))
}

// records are those of the open streams.
func (c *callbacks) records() []*streamRecord {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.Collect(maps.Values(c.streams))
}

func (c *callbacks) opened(ctx context.Context, s streamKey, typeURL string) *streamRecord {
	rec := newStreamRecord(c.metrics.Opened(fmt.Sprintf("%s-%d", s.protocol, s.id), s.protocol), typeURL)
	from := admission.PeerOf(ctx)
	rec.peer, rec.address, rec.identity = from.HostPort, from.Address, from.Identity
	c.mu.Lock()
	c.streams[s], c.left = rec, time.Time{}
	c.mu.Unlock()
	c.log.Debug("stream opened", "stream", rec.stream.ID, "peer", rec.peer, "identity", sane(rec.identity))
	return rec
}

func (c *callbacks) closed(s streamKey) {
	c.mu.Lock()
	rec := c.streams[s]
	delete(c.streams, s)
	if rec != nil && len(c.streams) == 0 {
		c.left = time.Now()
	}
	c.mu.Unlock()
	if rec == nil {
		return
	}
	rec.mu.Lock() // of who looks at it still
	defer rec.mu.Unlock()
	code := status.Code(rec.cause).String()
	rec.stream.Closed(rec.age(), code)
	if rec.node != nil {
		c.comings.disconnected(rec, code)
	}
	c.log.Debug("stream closed", "stream", rec.stream.ID, "node", rec.node.GetId(), "code", code, "cause", rec.cause)
}

func (c *streamCallbacks) request(x exchange) {
	c.once.Do(func() { close(c.first) })
	kind, first := c.record.request(x)
	if first {
		c.comings.connected(c.record)
	}
	if c.log.Enabled(context.Background(), slog.LevelDebug) {
		c.log.Debug("request", "stream", c.record.stream.ID, "node", x.node.GetId(), "kind", kind, "type", x.typeURL,
			"version", x.version, "nonce", x.nonce, "names", few(x.names), "unsubscribe", few(x.dropped), "error", sane(x.rejection.GetMessage()))
	}
}

func (c *streamCallbacks) response(x exchange) {
	c.record.response(x)
	if c.log.Enabled(context.Background(), slog.LevelDebug) {
		c.log.Debug("response", "stream", c.record.stream.ID, "node", x.node.GetId(), "type", x.typeURL, "version", x.version, "nonce", x.nonce,
			"resources", x.count, "bytes", x.size, "names", few(x.delivered()), "removed", few(x.dropped))
	}
}
