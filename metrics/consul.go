package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Consul counts what discovery does.
type Consul struct {
	queries     *prometheus.CounterVec
	duration    *prometheus.HistogramVec
	lastSuccess prometheus.Gauge
	index       *prometheus.GaugeVec
	indexResets prometheus.Counter
	datacenter  *prometheus.GaugeVec
	services    prometheus.Gauge
	instances   *prometheus.GaugeVec
	entries     *prometheus.GaugeVec
	watches     *prometheus.GaugeVec
	connections prometheus.Gauge
	signals     prometheus.Counter
	guard       *guard
}

// healths are the health states of an instance. All are always exported: a state without instances
// is 0, not missing.
var healths = []string{"passing", "warning", "critical", "maintenance"}

// entryKinds are the kinds of config entries that are watched.
var entryKinds = []string{"proxy-defaults", "service-defaults", "service-resolver"}

// outcomes are the outcomes of a query. All are exported from the start.
var outcomes = []string{
	"changed", "unchanged",
	"unreachable", "timeout", "wait_cut", "denied", "busy", "unavailable", "refused", "garbage", "doubtful", "filtered", "foreign",
}

func newConsul(d declarer) *Consul {
	watch := d.about("Consul", "Whether Consul answers, how fast, and how its services are followed.", "discovery/watch")
	c := &Consul{
		queries: watch.counters("legate_consul_queries_total", "Finished queries to Consul by outcome.", of("outcome", outcomes...)),
		duration: watch.once("a query has ended so").histograms("legate_consul_query_duration_seconds",
			"How long finished queries to Consul took by outcome. Blocking queries wait in Consul until something changes.",
			queryBuckets, of("outcome", outcomes...)),
		lastSuccess: watch.gauge("legate_consul_last_success_timestamp_seconds",
			"When Consul last gave an answer that was believed, in Unix time. 0: never."),
		index: watch.once("Consul has answered").gauges("legate_consul_index",
			"Raft index of the last believed answer by query.", of("query", "catalog", "services", "entries")),
		indexResets: watch.counter("legate_consul_index_resets_total",
			"Indexes that went back or were unusable, so that a query started over."),
		datacenter: watch.by("discovery").once("its name is known").gauges("legate_consul_datacenter_info",
			"The datacenter that is watched. Always 1.", label{name: "datacenter", bound: "one"}),
		watches: watch.gauges("legate_consul_watches",
			"Services followed by a blocking query of their own (direct), or read in turn and when signals name them, because connections are short (swept).",
			of("mode", "direct", "swept")),
		connections: watch.gauge("legate_consul_connections_limit", "Most connections to Consul that are opened at once."),
		signals: watch.counter("legate_consul_signals_total",
			"Services without a blocking query of their own that a signal named, to be read again at once."),
	}
	c.guard = newGuard(watch)
	cat := d.about("Catalog", "What Consul has, as far as it is believed.", "discovery")
	c.services = cat.gauge("legate_catalog_services", "Services in the catalog as last believed.")
	c.instances = cat.gauges("legate_catalog_instances", "Service instances in the catalog as last believed by health.", of("health", healths...))
	c.entries = cat.gauges("legate_catalog_entries",
		"Consul's config entries in the catalog as last believed by kind. 0 if they are not watched.", of("kind", entryKinds...))
	return c
}

// Query counts a finished query. The outcome is one of a short fixed list: changed, unchanged, or
// the kind of failure.
func (c *Consul) Query(outcome string, took time.Duration) {
	if c == nil {
		return
	}
	c.queries.WithLabelValues(outcome).Inc()
	c.duration.WithLabelValues(outcome).Observe(took.Seconds())
}

// Fresh records when Consul last gave a believed answer.
func (c *Consul) Fresh(at time.Time) {
	if c == nil {
		return
	}
	c.lastSuccess.Set(unixSeconds(at))
}

// Datacenter says which datacenter is watched.
func (c *Consul) Datacenter(name string) {
	if c == nil {
		return
	}
	c.datacenter.Reset()
	c.datacenter.WithLabelValues(clean(name)).Set(1)
}

// Index sets the Raft index of the last believed answer to a query (catalog, services, entries).
func (c *Consul) Index(query string, index uint64) {
	if c == nil {
		return
	}
	c.index.WithLabelValues(query).Set(float64(index))
}

// IndexReset counts an index that went back or was unusable and was reset to 0.
func (c *Consul) IndexReset() {
	if c == nil {
		return
	}
	c.indexResets.Inc()
}

// Catalog sets the size of the believed catalog: the services, and the instances by health. A
// health that is not in the map is 0.
func (c *Consul) Catalog(services int, instances map[string]int) {
	if c == nil {
		return
	}
	c.services.Set(float64(services))
	for _, h := range healths {
		c.instances.WithLabelValues(h).Set(float64(instances[h]))
	}
}

// Entries sets how many config entries there are in the believed catalog by kind. A kind that is not in
// the map is 0.
func (c *Consul) Entries(byKind map[string]int) {
	if c == nil {
		return
	}
	for _, kind := range entryKinds {
		c.entries.WithLabelValues(kind).Set(float64(byKind[kind]))
	}
}

// Signals counts services that a signal named.
func (c *Consul) Signals(n int) {
	if c != nil {
		c.signals.Add(float64(n))
	}
}

// Watches sets how many services have a blocking query of their own (direct), how many are covered
// by the sweep (swept), and the maximum number of connections.
func (c *Consul) Watches(direct, swept, connections int) {
	if c == nil {
		return
	}
	c.watches.WithLabelValues("direct").Set(float64(direct))
	c.watches.WithLabelValues("swept").Set(float64(swept))
	c.connections.Set(float64(connections))
}
