package metrics

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Consul counts what discovery does at one site: a datacenter, or a peer. That of Metrics is the own datacenter's; At
// returns the others.
type Consul struct {
	sites *sites
	site  site         // guarded by sites
	fresh atomic.Int64 // when there was a believed answer last, in nanoseconds of Unix time; 0: never
	*siteSeries

	services, massCritical                                  *part
	index, instances, entries, watches, holds, kept, listed parts
}

// newConsul returns the metrics of the own datacenter.
func newConsul(d declarer) *Consul {
	watch := d.about("Consul", "Whether Consul answers, how fast, and how its services are followed: of each datacenter, and of each peer.", "discovery/watch")
	own := newSiteSeries(watch.within(prometheus.NewRegistry(), siteLabels...))
	all := &sites{
		named: map[site]*Consul{},
		info: watch.by("discovery").once("its name is known").gauges("legate_consul_datacenter_info",
			"The own datacenter, which others are followed from. Always 1.", label{name: "datacenter", bound: "one"}),
		connections: watch.gauge("legate_consul_connections_limit",
			"Most connections to Consul that are opened at once, for all datacenters and peers."),
	}
	all.own = all.join(site{}, own)
	d.registry.MustRegister(all)
	return all.own
}

// Query counts a finished query. The outcome is one of a short fixed list: changed, unchanged, or
// the kind of failure.
func (c *Consul) Query(outcome string, took time.Duration) {
	if c != nil {
		c.queries.ended(outcome, took)
	}
}

// Fresh records when Consul last gave a believed answer.
func (c *Consul) Fresh(at time.Time) {
	if c != nil {
		c.fresh.Store(at.UnixNano())
	}
}

// Index sets the Raft index of the last believed answer to a query (catalog, services, entries).
func (c *Consul) Index(query string, index uint64) {
	if c != nil {
		c.index.set(query, float64(index))
	}
}

// IndexReset counts an index that went back or was unusable and was reset to 0.
func (c *Consul) IndexReset() {
	if c != nil {
		c.indexResets.Inc()
	}
}

// Catalog sets the size of the believed catalog: the services, and the instances by health. A
// health that is not in the map is 0.
func (c *Consul) Catalog(services int, instances map[string]int) {
	if c != nil {
		c.services.set(float64(services))
		c.instances.setAll(instances)
	}
}

// Entries sets how many config entries there are in the believed catalog by kind. A kind that is not in
// the map is 0.
func (c *Consul) Entries(byKind map[string]int) {
	if c != nil {
		c.entries.setAll(byKind)
	}
}

// Signals counts services that a signal named.
func (c *Consul) Signals(n int) {
	if c != nil {
		c.signals.Add(float64(n))
	}
}

// Watches sets how many services have a blocking query of their own (direct), how many are covered
// by the sweep (swept), and the maximum number of connections: all sites share those, so that of the own
// datacenter counts.
func (c *Consul) Watches(direct, swept, connections int) {
	if c == nil {
		return
	}
	c.watches.set("direct", float64(direct))
	c.watches.set("swept", float64(swept))
	if c == c.sites.own {
		c.sites.connections.Set(float64(connections))
	}
}

// Rejected counts an answer that was not believed. An empty reason is ignored.
func (c *Consul) Rejected(reason string) {
	if c != nil && reason != "" {
		c.rejected.WithLabelValues(reason).Inc()
	}
}

// Holds sets, by reason, how many services and entries have a held loss and how many instances are held. A
// reason that is not in the map is 0.
func (c *Consul) Holds(services, instances map[string]int) {
	if c != nil {
		c.holds.setAll(services)
		c.kept.setAll(instances)
	}
}

// SiteHeld says whether the site is kept although Consul does not list it any more.
func (c *Consul) SiteHeld(is bool) {
	if c == nil {
		return
	}
	n := 0
	if is {
		n = 1
	}
	c.listed.setAll(map[string]int{unlisted: n})
}

// HoldEnded counts a hold that has ended.
func (c *Consul) HoldEnded(outcome string) {
	if c != nil {
		c.holdsEnded.WithLabelValues(outcome).Inc()
	}
}

// Reread counts a service that the sweep has read again, by result: same or different.
func (c *Consul) Reread(result string) {
	if c != nil {
		c.rereads.WithLabelValues(result).Inc()
	}
}

// MassCritical records whether most of the datacenter turned critical at once.
func (c *Consul) MassCritical(is bool) {
	if c == nil {
		return
	}
	c.massCritical.set(0)
	if is {
		c.massCritical.set(1)
	}
}
