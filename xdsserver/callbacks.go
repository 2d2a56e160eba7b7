package xdsserver

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc/status"

	"legate/metrics"
)

// callbacks observe every exchange: they count it, show it at debug level, and keep the record
// of the streams that are open. They change nothing of what is served.
type callbacks struct {
	log     *slog.Logger
	metrics *metrics.XDS

	mu      sync.RWMutex
	streams map[streamKey]*streamRecord // each with a lock of its own
	left    time.Time                   // when the last of them ended; zero while there are some
	once    sync.Once
	first   chan struct{} // closed at the first request of any kind
}

var _ server.Callbacks = (*callbacks)(nil)

func newCallbacks(log *slog.Logger, m *metrics.XDS) *callbacks {
	return &callbacks{
		log: log, metrics: m,
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
func (c *callbacks) OnStreamOpen(ctx context.Context, id int64, typeURL string) error {
	c.opened(ctx, sotwStream(id), typeURL)
	return nil
}

// OnDeltaStreamOpen is called when an incremental stream opens.
func (c *callbacks) OnDeltaStreamOpen(ctx context.Context, id int64, typeURL string) error {
	c.opened(ctx, deltaStream(id), typeURL)
	return nil
}

// OnStreamClosed is called when a state-of-the-world stream has ended.
func (c *callbacks) OnStreamClosed(id int64, _ *corev3.Node) { c.closed(sotwStream(id)) }

// OnDeltaStreamClosed is called when an incremental stream has ended.
func (c *callbacks) OnDeltaStreamClosed(id int64, _ *corev3.Node) { c.closed(deltaStream(id)) }

// OnStreamRequest is called for each request on a state-of-the-world stream, which has its names at
// debug level only.
func (c *callbacks) OnStreamRequest(id int64, r *discoveryv3.DiscoveryRequest) error {
	c.request(sotwStream(id), exchange{
		node: r.GetNode(), typeURL: r.GetTypeUrl(), version: r.GetVersionInfo(), nonce: r.GetResponseNonce(),
		names: r.GetResourceNames(), rejection: r.GetErrorDetail(),
	})
	return nil
}

// OnStreamDeltaRequest is called for each request on an incremental stream, which has its names at
// debug level only.
func (c *callbacks) OnStreamDeltaRequest(id int64, r *discoveryv3.DeltaDiscoveryRequest) error {
	c.request(deltaStream(id), exchange{
		node: r.GetNode(), typeURL: r.GetTypeUrl(), nonce: r.GetResponseNonce(),
		names: r.GetResourceNamesSubscribe(), dropped: r.GetResourceNamesUnsubscribe(),
		rejection: r.GetErrorDetail(),
	})
	return nil
}

// OnStreamResponse is called before each response on a state-of-the-world stream.
func (c *callbacks) OnStreamResponse(_ context.Context, id int64, _ *discoveryv3.DiscoveryRequest, r *discoveryv3.DiscoveryResponse) {
	size := 0
	for _, a := range r.GetResources() {
		size += len(a.GetValue())
	}
	c.response(sotwStream(id), exchange{
		typeURL: r.GetTypeUrl(), version: r.GetVersionInfo(), nonce: r.GetNonce(),
		count: len(r.GetResources()), size: size,
	})
}

// OnStreamDeltaResponse is called before each response on an incremental stream.
func (c *callbacks) OnStreamDeltaResponse(id int64, _ *discoveryv3.DeltaDiscoveryRequest, r *discoveryv3.DeltaDiscoveryResponse) {
	size := 0
	for _, a := range r.GetResources() {
		size += len(a.GetResource().GetValue())
	}
	c.response(deltaStream(id), exchange{
		typeURL: r.GetTypeUrl(), version: r.GetSystemVersionInfo(), nonce: r.GetNonce(),
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

func (c *callbacks) opened(ctx context.Context, s streamKey, typeURL string) {
	rec := newStreamRecord(c.metrics.Opened(fmt.Sprintf("%s-%d", s.protocol, s.id), s.protocol), typeURL)
	from := originOf(ctx)
	rec.peer, rec.address, rec.identity = from.peer, from.address, from.identity
	c.mu.Lock()
	c.streams[s], c.left = rec, time.Time{}
	c.mu.Unlock()
	c.log.Debug("stream opened", "stream", rec.stream.ID, "peer", rec.peer, "identity", sane(rec.identity))
}

// record is what is known of an open stream, nil if it is not open.
func (c *callbacks) record(s streamKey) *streamRecord {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.streams[s]
}

// ending keeps why a stream ends until closed is called, which is not told.
func (c *callbacks) ending(s streamKey, cause error) {
	if rec := c.record(s); rec != nil {
		rec.mu.Lock()
		defer rec.mu.Unlock()
		rec.cause = cause
	}
}

// holding keeps what a stream holds back because its client rejected it.
func (c *callbacks) holding(s streamKey, sub *subscription, rejecting bool) {
	if rec := c.record(s); rec != nil {
		rec.mu.Lock()
		defer rec.mu.Unlock()
		rec.of(sub.table.typeURL).holding(sub.parked, sub.quarantined, rejecting)
	}
}

// entered notes where a stream has its place.
func (c *callbacks) entered(s streamKey, st *store, slot int) {
	if rec := c.record(s); rec != nil {
		rec.mu.Lock()
		defer rec.mu.Unlock()
		rec.store, rec.slot = st, slot
	}
}

// resumed notes that a client came with all that it wants of a type.
func (c *callbacks) resumed(s streamKey, typeURL, version string) {
	if rec := c.record(s); rec != nil {
		rec.mu.Lock()
		defer rec.mu.Unlock()
		rec.of(typeURL).resume(version)
	}
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
	c.log.Debug("stream closed", "stream", rec.stream.ID, "node", rec.node.GetId(), "code", code, "cause", rec.cause)
}

func (c *callbacks) request(s streamKey, x exchange) {
	c.once.Do(func() { close(c.first) })
	rec := c.record(s)
	rec.mu.Lock()
	kind, node := rec.request(x), rec.id
	rec.mu.Unlock()
	rec.stream.Request(node, x.typeURL, kind)
	if c.log.Enabled(context.Background(), slog.LevelDebug) {
		c.log.Debug("request", "stream", rec.stream.ID, "node", node, "kind", kind, "type", x.typeURL,
			"version", x.version, "nonce", x.nonce, "names", few(x.names), "unsubscribe", few(x.dropped), "error", sane(x.rejection.GetMessage()))
	}
}

func (c *callbacks) response(s streamKey, x exchange) {
	rec := c.record(s)
	rec.mu.Lock()
	rec.response(x)
	node := rec.id
	rec.mu.Unlock()
	rec.stream.Response(node, x.typeURL, x.count, x.size)
	if c.log.Enabled(context.Background(), slog.LevelDebug) {
		c.log.Debug("response", "stream", rec.stream.ID, "node", node, "type", x.typeURL, "version", x.version, "nonce", x.nonce,
			"resources", x.count, "bytes", x.size, "names", few(x.delivered()), "removed", few(x.dropped))
	}
}
