package metrics

import (
	"slices"
	"time"
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
		"probes", "client_status", "unknown_methods",
	}
	heldKinds = []string{"connections", "requests", "names", "responses", "answers"}
)

func newXDS(d declarer) *XDS {
	d = d.about("Snapshots and how fast changes are", "What clients can be sent, and how long a change takes to reach them.", "xdsserver")
	view := label{name: "view", bound: "kind@datacenter, and from where assignments come if that is not usual: few, since clients cannot make any up"}
	x := &XDS{
		propagation: newPropagation(d.once("the server has begun")),
		exchanges:   map[[2]string]*series{},
		delays:      map[string]*Delays{},
		now:         time.Now,
	}
	start := d
	d = d.once("there is a first complete snapshot")
	x.updates = d.counters("legate_snapshot_updates_total", "Batches that changed the snapshot of a view.", view)
	x.lastUpdate = d.gauges("legate_snapshot_last_update_timestamp_seconds", "When the snapshot of a view last changed, in Unix time.", view)
	x.snapshot = d.gauges("legate_snapshot_resources", "Resources in the snapshot of a view.", view, typeOf)
	x.declareStreams(start.about("Streams", "Who is connected, and what is exchanged.", "xdsserver"))
	x.declareErrors(start.about("What clients reject or cannot use", "Each of these has a client that does not get what Consul has.", "xdsserver"))
	x.declareLimits(start.about("Limits", "What clients take, and who was refused; [limits.md](limits.md) has the limits.", "xdsserver"))
	x.startAtZero()
	return x
}

func (x *XDS) declareStreams(d declarer) {
	served := d.once("the server has begun")
	x.open = d.gauges("legate_xds_streams", "Open xDS streams.", protocolOf)
	x.opened = d.counters("legate_xds_streams_opened_total", "xDS streams opened.", protocolOf)
	x.closed = d.counters("legate_xds_streams_closed_total", "xDS streams closed by gRPC status code.", protocolOf, of("code", codeNames()...))
	x.duration = d.histograms("legate_xds_stream_duration_seconds", "How long closed xDS streams were open.", streamBuckets, protocolOf)
	x.requests = served.counters("legate_xds_requests_total",
		"Requests on xDS streams by kind: subscribe (also changes of a subscription), ack, nack, stale (an answer to a response that was not the last).",
		typeOf, protocolOf, of("kind", orOther(requestKinds)...))
	x.responses = served.counters("legate_xds_responses_total", "Responses on xDS streams.", typeOf, protocolOf)
	x.resources = served.counters("legate_xds_response_resources_total", "Resources in responses on xDS streams.", typeOf, protocolOf)
	x.bytes = served.counters("legate_xds_response_bytes_total", "Bytes of the resources in responses on xDS streams, without the frames around them.", typeOf, protocolOf)
	x.fetches = served.counters("legate_xds_fetches_total", "REST exchanges by outcome.", typeOf, of("outcome", orOther(fetchOutcomes)...))
	x.streams = newStreams(d)
	x.waiting = newWaiting(d, x.streams, &x.served)
	d.registry.MustRegister(x.streams, x.waiting)
	x.nodeChanges = d.counter("legate_xds_node_changes_total",
		"Requests whose node is another than the one that their stream began with. The first one counts.")
}

func (x *XDS) declareErrors(d declarer) {
	x.nacks = d.counters("legate_xds_nacks_total", "Responses that a client rejected.", typeOf)
	x.lastNACK = d.gauges("legate_xds_last_nack_timestamp_seconds", "When a client last rejected a response, in Unix time. 0: never.", typeOf)
	x.rejecting = d.gauges("legate_xds_streams_rejecting", "Open streams whose client has rejected something that has not changed since, and is not sent again.", typeOf)
	x.quarantined = d.gauges("legate_xds_quarantined", "Resources that several clients of a view (told apart by the name in their certificates, else by their addresses) reject and none has accepted. Those clients keep, or get, the last version that was accepted.", typeOf)
	x.inVain = d.gauges("legate_xds_names_in_vain", "Names that open streams ask for and Consul does not have.", typeOf)
	x.oversized = d.counters("legate_xds_oversized_responses_total", "Responses that have more bytes than they should and could not be split.", typeOf)
	d.asked("legate_xds_clients_without_endpoints",
		"Clients that take clusters and ask nowhere for their endpoints, since they cannot follow the clusters: their requests fail.",
		of("protocol", append(slices.Clone(protocols), "rest")...), func(protocol string) float64 {
			if of := x.stranded.Load(); of != nil {
				return float64((*of)(protocol))
			}
			return 0
		})
}

func (x *XDS) declareLimits(d declarer) {
	x.connections = d.gauge("legate_xds_connections", "Open connections of clients, over gRPC and REST.")
	x.refused = d.counters("legate_xds_refused_total", "Connections, streams and requests that were refused, or cut off, by the limit that they met.", of("limit", limits...))
	x.budget = d.gauge("legate_xds_held_budget_bytes", "How much memory clients may have held, all of them together; one address, half of it.")
	x.holdRefused = d.counters("legate_xds_held_refused_total", "Times that clients could not have more of a kind held, since all of it is as much as they may have.", of("kind", heldKinds...))
	d.asked("legate_xds_held_bytes",
		"Memory that clients have held: connections and streams, requests that come in or are worked on, names that Consul does not have, responses and answers that are not taken in.",
		of("kind", heldKinds...), func(kind string) float64 {
			if of := x.held.Load(); of != nil {
				return float64((*of)(kind))
			}
			return 0
		})
}

// startAtZero creates the series that alerts and graphs use, before anything has happened.
func (x *XDS) startAtZero() {
	for _, p := range protocols {
		x.duration.WithLabelValues(p)
		for _, code := range usualCodes {
			x.closed.WithLabelValues(p, code)
		}
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
		x.served = append(x.served, t)
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
