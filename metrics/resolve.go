package metrics

import "github.com/prometheus/client_golang/prometheus"

// Resolve counts how host names of instances are resolved.
type Resolve struct {
	queries *prometheus.CounterVec
	names   *prometheus.GaugeVec
}

// queryOutcomes are the outcomes of a look-up, nameStates the states of a name.
var (
	queryOutcomes = []string{"answered", "silent", "failed", "empty", "nxdomain"}
	nameStates    = []string{"resolved", "stale", "unresolved"}
)

func newResolve(d declarer) *Resolve {
	d = d.about("Host names", "How instances are resolved that are registered with a host name.", "discovery/resolve")
	return &Resolve{
		queries: d.counters("legate_resolve_queries_total",
			"Host names that were looked up in DNS by outcome: answered, silent (nobody answers), failed (SERVFAIL and the like), empty (no address), nxdomain.",
			of("outcome", queryOutcomes...)),
		names: d.gauges("legate_resolve_names",
			"Host names that instances are reached by: resolved, stale (addresses are kept that DNS does not confirm) or unresolved (their instances are left out).",
			of("state", nameStates...)),
	}
}

// Query counts a look-up by outcome.
func (m *Resolve) Query(outcome string) {
	if m != nil {
		m.queries.WithLabelValues(oneOf(outcome, queryOutcomes...)).Inc()
	}
}

// Names sets the number of names, and how many of them are stale and unresolved.
func (m *Resolve) Names(all, stale, unresolved int) {
	if m == nil {
		return
	}
	m.names.WithLabelValues("resolved").Set(float64(all - stale - unresolved))
	m.names.WithLabelValues("stale").Set(float64(stale))
	m.names.WithLabelValues("unresolved").Set(float64(unresolved))
}
