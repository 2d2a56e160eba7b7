package metrics

import (
	"sync/atomic"
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
	inVain      *prometheus.GaugeVec
	oversized   *prometheus.CounterVec
	fetches     *prometheus.CounterVec
	propagation *propagation
	updates     *prometheus.CounterVec
	lastUpdate  *prometheus.GaugeVec
	snapshot    *prometheus.GaugeVec
	refused     *prometheus.CounterVec
	nodeChanges prometheus.Counter
	connections prometheus.Gauge
	holdRefused *prometheus.CounterVec
	budget      prometheus.Gauge
	held        atomic.Pointer[func(kind string) int64]
	stranded    atomic.Pointer[func(protocol string) int]
	exchanges   map[[2]string]*series // by type and protocol, for types that are served; see Serves
	delays      map[string]*Delays    // by type URL, for types that are served; see Serves
	streams     *streams
	waiting     *waiting
	served      []string // labels of the types that are served
	totals      totals
	slowest     slowest
	now         func() time.Time
}

// Rejecting records that a stream begins, or ceases, to have rejected resources. Each begin must be
// followed by one end, at the latest when the stream closes.
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

// Quarantined sets how many resources of a type are rejected by several clients of a view and
// accepted by none.
func (x *XDS) Quarantined(typeURL string, n int) {
	if x == nil {
		return
	}
	x.quarantined.WithLabelValues(typeLabel(typeURL)).Set(float64(n))
}

// InVain adds to the number of names of a type that clients ask for and Consul does not have. more
// may be negative.
func (x *XDS) InVain(typeURL string, more int) {
	if x == nil {
		return
	}
	x.inVain.WithLabelValues(typeLabel(typeURL)).Add(float64(more))
}

// Oversized counts a response above the size limit.
func (x *XDS) Oversized(typeURL string) {
	if x == nil {
		return
	}
	x.oversized.WithLabelValues(typeLabel(typeURL)).Inc()
}

// Fetch counts a REST exchange by outcome: ok, not_modified, error.
func (x *XDS) Fetch(typeURL, outcome string) {
	if x == nil {
		return
	}
	x.totals.fetches.Add(1)
	x.fetches.WithLabelValues(typeLabel(typeURL), oneOf(outcome, fetchOutcomes...)).Inc()
}

// Published counts a batch that changed a snapshot, and sets how many resources of each type URL
// the view has now.
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

// Stranded sets the function that each scrape asks how many clients take clusters and ask for no
// endpoints, by the protocol in which they get clusters: sotw, delta or rest.
func (x *XDS) Stranded(of func(protocol string) int) {
	if x != nil {
		x.stranded.Store(&of)
	}
}

// Refused counts a client that met a limit.
func (x *XDS) Refused(limit string) {
	if x == nil {
		return
	}
	x.refused.WithLabelValues(oneOf(limit, limits...)).Inc()
}

// NodeChanged counts a request with another node than that of its stream.
func (x *XDS) NodeChanged() {
	if x == nil {
		return
	}
	x.nodeChanges.Inc()
}

// Connections sets the number of open connections.
func (x *XDS) Connections(n int) {
	if x == nil {
		return
	}
	x.connections.Set(float64(n))
}

// Memory registers a function that is called at each scrape for the bytes held for clients, by kind.
// budget is the limit for all kinds together.
func (x *XDS) Memory(budget int64, of func(kind string) int64) {
	if x == nil {
		return
	}
	x.budget.Set(float64(budget))
	x.held.Store(&of)
}

// MemoryRefused counts a refusal because the budget was exhausted, by kind.
func (x *XDS) MemoryRefused(kind string) {
	if x == nil {
		return
	}
	x.holdRefused.WithLabelValues(oneOf(kind, heldKinds...)).Inc()
}

func protocolLabel(p string) string { return oneOf(p, protocols...) }
