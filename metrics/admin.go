package metrics

import "github.com/prometheus/client_golang/prometheus"

// adminLimits are the reasons to refuse a client of a listener for people and probes.
var adminLimits = []string{
	"admin_connections", "admin_connections_per_address", "admin_displaced", "admin_handshake",
	"admin_headers", "admin_host", "admin_change", "admin_guesses",
}

// Admin counts what happens on the listeners for people and probes.
type Admin struct{ refused *prometheus.CounterVec }

func newAdmin(d declarer) *Admin {
	return &Admin{refused: d.by("internal/admin").counters("legate_admin_refused_total",
		"Connections and requests that the listeners for people and probes turned away, by the limit that they met.",
		of("limit", adminLimits...))}
}

// Refused counts a refused client by reason.
func (a *Admin) Refused(limit string) {
	if a == nil {
		return
	}
	a.refused.WithLabelValues(limit).Inc()
}
