package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// XDS counts what the xDS server does.
type XDS struct {
	open        *prometheus.GaugeVec
	opened      *prometheus.CounterVec
	closed      *prometheus.CounterVec
	duration    *prometheus.HistogramVec
	requests    *prometheus.CounterVec
	responses   *prometheus.CounterVec
	resources   *prometheus.CounterVec
	bytes       *prometheus.CounterVec
	nacks       *prometheus.CounterVec
	lastNACK    *prometheus.GaugeVec
	rejecting   *prometheus.GaugeVec
	quarantined *prometheus.GaugeVec
	fetches     *prometheus.CounterVec
	propagation *prometheus.HistogramVec
	updates     *prometheus.CounterVec
	lastUpdate  *prometheus.GaugeVec
	snapshot    *prometheus.GaugeVec
	refused     *prometheus.CounterVec
	nodeChanges prometheus.Counter
	connections prometheus.Gauge
	exchanges   map[[2]string]*series             // by type and protocol, of what is served; never changed
	propagated  map[[2]string]prometheus.Observer // by stage and type, of what is served; never changed
	streams     *streams
	totals      totals
	now         func() time.Time
}

// Stream names an open stream: sotw-1, delta-1. The two protocols are numbered separately.
type Stream struct {
	ID       string
	Protocol string // sotw, delta
}

// Opened says that a stream was opened.
func (x *XDS) Opened(s Stream) {
	if x == nil {
		return
	}
	protocol := protocolLabel(s.Protocol)
	x.open.WithLabelValues(protocol).Inc()
	x.opened.WithLabelValues(protocol).Inc()
	x.streams.begin(s.ID, protocol)
}

// Closed says that a stream was closed, after how long, with which gRPC code (OK, Canceled, …).
// It must follow each Opened once.
func (x *XDS) Closed(s Stream, open time.Duration, code string) {
	if x == nil {
		return
	}
	protocol := protocolLabel(s.Protocol)
	x.open.WithLabelValues(protocol).Dec()
	x.closed.WithLabelValues(protocol, codeLabel(code)).Inc()
	x.duration.WithLabelValues(protocol).Observe(open.Seconds())
	x.streams.end(s.ID)
}

// Request counts a request on a stream. The kind is subscribe, ack, nack or stale.
func (x *XDS) Request(s Stream, node, typeURL, kind string) {
	if x == nil {
		return
	}
	protocol, typ, kind := protocolLabel(s.Protocol), typeLabel(typeURL), oneOf(kind, requestKinds...)
	x.totals.request(protocol)
	x.request(typ, protocol, kind)
	if kind == "nack" {
		x.nacks.WithLabelValues(typ).Inc()
		x.lastNACK.WithLabelValues(typ).Set(unixSeconds(x.now()))
	}
	x.streams.count(s.ID, protocol, node, typ, 1, 0)
}

// Rejecting says that a stream begins, or ceases, to hold something back because its client
// rejected it. Each begin must be followed by one end, at the latest when the stream closes.
func (x *XDS) Rejecting(typeURL string, begins bool) {
	if x == nil {
		return
	}
	g := x.rejecting.WithLabelValues(typeLabel(typeURL))
	if begins {
		g.Inc()
	} else {
		g.Dec()
	}
}

// Quarantined is how many resources of a type are kept back from all clients of their view,
// because several rejected them.
func (x *XDS) Quarantined(typeURL string, n int) {
	if x == nil {
		return
	}
	x.quarantined.WithLabelValues(typeLabel(typeURL)).Set(float64(n))
}

// Response counts a response on a stream with so many resources, of so many bytes together.
func (x *XDS) Response(s Stream, node, typeURL string, resources, bytes int) {
	if x == nil {
		return
	}
	protocol, typ := protocolLabel(s.Protocol), typeLabel(typeURL)
	x.totals.response(protocol)
	x.response(typ, protocol, resources, bytes)
	x.streams.count(s.ID, protocol, node, typ, 0, 1)
}

// Fetch counts a REST exchange by its outcome: ok, not_modified, error.
func (x *XDS) Fetch(typeURL, outcome string) {
	if x == nil {
		return
	}
	x.totals.fetches.Add(1)
	x.fetches.WithLabelValues(typeLabel(typeURL), oneOf(outcome, fetchOutcomes...)).Inc()
}

// Propagation observes how long a change took: stage is answer_to_sent or answer_to_ack.
func (x *XDS) Propagation(stage, typeURL string, after time.Duration) {
	if x == nil {
		return
	}
	stage, typ := oneOf(stage, stages...), typeLabel(typeURL)
	took, known := x.propagated[[2]string{stage, typ}]
	if !known {
		took = x.propagation.WithLabelValues(stage, typ)
	}
	took.Observe(after.Seconds())
}

// Published counts a batch that changed a snapshot and says how many resources of each type
// (by type URL) the view holds now.
func (x *XDS) Published(view string, resources map[string]int, at time.Time) {
	if x == nil {
		return
	}
	x.updates.WithLabelValues(view).Inc()
	x.lastUpdate.WithLabelValues(view).Set(unixSeconds(at))
	for typeURL, n := range resources {
		x.snapshot.WithLabelValues(view, typeLabel(typeURL)).Set(float64(n))
	}
}

// Refused counts a client that met a limit.
func (x *XDS) Refused(limit string) {
	if x == nil {
		return
	}
	x.refused.WithLabelValues(oneOf(limit, limits...)).Inc()
}

// NodeChanged counts a request whose node is another than the one its stream began with.
func (x *XDS) NodeChanged() {
	if x == nil {
		return
	}
	x.nodeChanges.Inc()
}

// Connections is how many connections are open.
func (x *XDS) Connections(n int) {
	if x == nil {
		return
	}
	x.connections.Set(float64(n))
}

func protocolLabel(p string) string { return oneOf(p, protocols...) }
