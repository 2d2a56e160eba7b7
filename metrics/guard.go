package metrics

import "github.com/prometheus/client_golang/prometheus"

// guard counts what discovery rejects or holds. It is a part of Consul.
type guard struct {
	rejected     *prometheus.CounterVec
	holds        *prometheus.GaugeVec
	kept         *prometheus.GaugeVec
	ended        *prometheus.CounterVec
	rereads      *prometheus.CounterVec
	massCritical prometheus.Gauge
}

// Series that alerts use are exported from the start.
var (
	rejections = []string{
		"status", "unreadable", "no_index", "index_one", "index_back", "index_stuck",
		"filtered", "hidden", "contradicted", "foreign",
	}
	suspicions   = []string{"emptied", "shrunk", "catalog", "datacenter", "doubted", "entry", "entry_hidden", "entry_reverted"}
	holdOutcomes = []string{"confirmed", "evident", "expired", "released", "returned", "replaced", "dropped"}
)

func newGuard(d declarer) *guard {
	g := &guard{
		rereads: d.by("discovery").counters("legate_consul_rereads_total",
			"Services that were read again in turn by result: the same as believed, or different.", of("result", "same", "different")),
	}
	d = d.about("Answers that are not believed", "What Legate keeps although Consul says otherwise, and why; [when.md](when.md) says what to do.", "discovery")
	g.rejected = d.by("discovery/watch").counters("legate_consul_answers_rejected_total",
		"Answers of Consul that were not believed by reason; what was last believed stays.", of("reason", rejections...))
	g.holds = d.gauges("legate_holds",
		"Services, and config entries, of which a loss is held, not believed yet, by reason.", of("reason", suspicions...))
	g.kept = d.gauges("legate_holds_instances",
		"Instances that are kept although Consul says that they are gone, by reason.", of("reason", suspicions...))
	g.ended = d.counters("legate_holds_ended_total",
		"Holds that ended by outcome: believed (confirmed, evident, expired, released), or given up (returned, replaced, dropped).",
		of("outcome", holdOutcomes...))
	g.massCritical = d.gauge("legate_mass_critical", "1 while most of the datacenter turned critical at once and stays so.")
	return g
}

// Rejected counts an answer that was not believed. An empty reason is ignored.
func (c *Consul) Rejected(reason string) {
	if c != nil && reason != "" {
		c.guard.rejected.WithLabelValues(reason).Inc()
	}
}

// Holds sets, by reason, how many services and entries have a held loss and how many instances are held. A
// reason that is not in the map is 0.
func (c *Consul) Holds(services, instances map[string]int) {
	if c == nil {
		return
	}
	for _, s := range suspicions {
		c.guard.holds.WithLabelValues(s).Set(float64(services[s]))
		c.guard.kept.WithLabelValues(s).Set(float64(instances[s]))
	}
}

// HoldEnded counts a hold that has ended.
func (c *Consul) HoldEnded(outcome string) {
	if c != nil {
		c.guard.ended.WithLabelValues(outcome).Inc()
	}
}

// Reread counts a service that the sweep has read again, by result: same or different.
func (c *Consul) Reread(result string) {
	if c != nil {
		c.guard.rereads.WithLabelValues(result).Inc()
	}
}

// MassCritical records whether most of the datacenter turned critical at once.
func (c *Consul) MassCritical(is bool) {
	if c == nil {
		return
	}
	c.guard.massCritical.Set(0)
	if is {
		c.guard.massCritical.Set(1)
	}
}
