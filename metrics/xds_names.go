package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Fixed label values that Legate itself chooses. Anything else is counted as "other".
var (
	protocols     = []string{"sotw", "delta"}
	requestKinds  = []string{"subscribe", "ack", "nack", "stale"}
	fetchOutcomes = []string{"ok", "not_modified", "error"}
	usualCodes    = []string{"OK", "Canceled", "Unavailable"} // with which healthy streams end
	limits        = []string{
		"connections", "connections_per_address", "rest_connections", "handshake", "certificate",
		"streams", "streams_per_address", "streams_per_node", "new_streams", "refused_streams", "returns", "pings", "empty_frames",
		"memory", "message_bytes", "message_time", "node_bytes", "node_id_bytes", "names", "name_bytes", "name_changes",
		"body_bytes", "fetches", "answer_bytes", "unread_bytes", "stuck_send",
		"probes", "unknown_methods",
	}
	heldKinds = []string{"connections", "requests", "names", "responses", "answers"}
)

func newXDS(r prometheus.Registerer) *XDS {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		r.MustRegister(c)
		return c
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
		r.MustRegister(g)
		return g
	}
	histo := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(histogram(name, help, buckets), labels)
		r.MustRegister(h)
		return h
	}
	x := &XDS{
		open:     gauge("legate_xds_streams", "Open xDS streams.", "protocol"),
		opened:   counter("legate_xds_streams_opened_total", "xDS streams opened.", "protocol"),
		closed:   counter("legate_xds_streams_closed_total", "xDS streams closed by gRPC status code.", "protocol", "code"),
		duration: histo("legate_xds_stream_duration_seconds", "How long closed xDS streams were open.", streamBuckets, "protocol"),
		requests: counter("legate_xds_requests_total",
			"Requests on xDS streams by kind: subscribe (also changes of a subscription), ack, nack, stale (an answer to a response that was not the last).", "type", "protocol", "kind"),
		responses:   counter("legate_xds_responses_total", "Responses on xDS streams.", "type", "protocol"),
		resources:   counter("legate_xds_response_resources_total", "Resources in responses on xDS streams.", "type", "protocol"),
		bytes:       counter("legate_xds_response_bytes_total", "Bytes of the resources in responses on xDS streams, without the frames around them.", "type", "protocol"),
		nacks:       counter("legate_xds_nacks_total", "Responses that a client rejected.", "type"),
		lastNACK:    gauge("legate_xds_last_nack_timestamp_seconds", "When a client last rejected a response, in Unix time. 0: never.", "type"),
		quarantined: gauge("legate_xds_quarantined", "Resources that several clients of a view (told apart by the name in their certificates, else by their addresses) reject and none has accepted. Those clients keep, or get, the last version that was accepted.", "type"),
		oversized:   counter("legate_xds_oversized_responses_total", "Responses that have more bytes than they should and could not be split.", "type"),
		inVain:      gauge("legate_xds_names_in_vain", "Names that open streams ask for and Consul does not have.", "type"),
		rejecting:   gauge("legate_xds_streams_rejecting", "Open streams whose client has rejected something that has not changed since, and is not sent again.", "type"),
		fetches:     counter("legate_xds_fetches_total", "REST exchanges by outcome.", "type", "outcome"),
		propagation: histo("legate_propagation_seconds",
			"From Consul's answer to the change being sent on a stream (answer_to_sent) and acknowledged (answer_to_ack).", changeBuckets, "stage", "type"),
		updates:    counter("legate_snapshot_updates_total", "Batches that changed the snapshot of a view.", "view"),
		lastUpdate: gauge("legate_snapshot_last_update_timestamp_seconds", "When the snapshot of a view last changed, in Unix time.", "view"),
		snapshot:   gauge("legate_snapshot_resources", "Resources in the snapshot of a view.", "view", "type"),
		refused:    counter("legate_xds_refused_total", "Connections, streams and requests that were refused, or cut off, by the limit that they met.", "limit"),
		nodeChanges: prometheus.NewCounter(prometheus.CounterOpts{Name: "legate_xds_node_changes_total",
			Help: "Requests whose node is another than the one that their stream began with. The first one counts."}),
		connections: prometheus.NewGauge(prometheus.GaugeOpts{Name: "legate_xds_connections", Help: "Open connections of clients, over gRPC and REST."}),
		holdRefused: counter("legate_xds_held_refused_total", "Times that clients could not have more of a kind held, since all of it is as much as they may have.", "kind"),
		budget:      prometheus.NewGauge(prometheus.GaugeOpts{Name: "legate_xds_held_budget_bytes", Help: "How much memory clients may have held, all of them together; one address, half of it."}),
		exchanges:   map[[2]string]*series{},
		delays:      map[string]*Delays{},
		streams:     newStreams(),
		now:         time.Now,
	}
	r.MustRegister(x.streams, x.nodeChanges, x.connections, x.budget)
	for _, kind := range heldKinds {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        "legate_xds_held_bytes",
			Help:        "Memory that clients have held: connections and streams, requests that come in or are worked on, names that Consul does not have, responses and answers that are not taken in.",
			ConstLabels: prometheus.Labels{"kind": kind},
		}, func() float64 {
			if of := x.held.Load(); of != nil {
				return float64((*of)(kind))
			}
			return 0
		}))
	}
	for _, protocol := range append(protocols, "rest") {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        "legate_xds_clients_without_endpoints",
			Help:        "Clients that take clusters and ask nowhere for their endpoints, since they cannot follow the clusters: their requests fail.",
			ConstLabels: prometheus.Labels{"protocol": protocol},
		}, func() float64 {
			if of := x.stranded.Load(); of != nil {
				return float64((*of)(protocol))
			}
			return 0
		}))
	}
	x.startAtZero()
	return x
}

// startAtZero creates the series that alerts and graphs use, before anything has happened.
func (x *XDS) startAtZero() {
	for _, p := range protocols {
		x.open.WithLabelValues(p)
		x.opened.WithLabelValues(p)
		x.duration.WithLabelValues(p)
		for _, code := range usualCodes {
			x.closed.WithLabelValues(p, code)
		}
	}
	for _, kind := range heldKinds {
		x.holdRefused.WithLabelValues(kind)
	}
	for _, l := range limits {
		x.refused.WithLabelValues(l)
	}
	x.typeAtZero(other)
}

// Serves registers the type URLs that are served: their series start at 0 and are found fast. It
// must be called before any stream is opened.
func (x *XDS) Serves(typeURLs ...string) {
	if x == nil {
		return
	}
	for _, typeURL := range typeURLs {
		t := typeLabel(typeURL)
		x.typeAtZero(t)
		for _, p := range protocols {
			if x.exchanges[[2]string{t, p}] == nil {
				x.exchanges[[2]string{t, p}] = x.newSeries(t, p)
			}
		}
		for _, o := range fetchOutcomes {
			x.fetches.WithLabelValues(t, o)
		}
		if x.delays[typeURL] == nil {
			x.delays[typeURL] = x.newDelays(typeURL)
		}
	}
}

// typeAtZero creates the error series of a type label.
func (x *XDS) typeAtZero(t string) {
	x.nacks.WithLabelValues(t)
	x.lastNACK.WithLabelValues(t)
	x.rejecting.WithLabelValues(t)
	x.quarantined.WithLabelValues(t)
	x.inVain.WithLabelValues(t)
	x.oversized.WithLabelValues(t)
}
