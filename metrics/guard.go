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

func newGuard(r prometheus.Registerer) *guard {
	g := &guard{
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "legate_consul_answers_rejected_total",
			Help: "Answers of Consul that were not believed by reason; what was last believed stays.",
		}, []string{"reason"}),
		holds: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "legate_holds",
			Help: "Services, and config entries, of which a loss is held, not believed yet, by reason.",
		}, []string{"reason"}),
		kept: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "legate_holds_instances",
			Help: "Instances that are kept although Consul says that they are gone, by reason.",
		}, []string{"reason"}),
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "legate_holds_ended_total",
			Help: "Holds that ended by outcome: believed (confirmed, evident, expired, released), or given up (returned, replaced, dropped).",
		}, []string{"outcome"}),
		rereads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "legate_consul_rereads_total",
			Help: "Services that were read again in turn by result: the same as believed, or different.",
		}, []string{"result"}),
		massCritical: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "legate_mass_critical",
			Help: "1 while most of the datacenter turned critical at once and stays so.",
		}),
	}
	for _, s := range suspicions {
		g.holds.WithLabelValues(s)
		g.kept.WithLabelValues(s)
	}
	for _, reason := range rejections {
		g.rejected.WithLabelValues(reason)
	}
	for _, o := range holdOutcomes {
		g.ended.WithLabelValues(o)
	}
	g.rereads.WithLabelValues("same")
	g.rereads.WithLabelValues("different")
	r.MustRegister(g.rejected, g.holds, g.kept, g.ended, g.rereads, g.massCritical)
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
