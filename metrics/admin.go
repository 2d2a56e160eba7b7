package metrics

import "github.com/prometheus/client_golang/prometheus"

// adminLimits are the reasons to refuse a client of a listener for people and probes.
var adminLimits = []string{
	"admin_connections", "admin_connections_per_address", "admin_displaced", "admin_handshake",
	"admin_headers", "admin_host", "admin_change", "admin_guesses",
}

// Admin counts what happens on the listeners for people and probes.
type Admin struct{ refused *prometheus.CounterVec }

func newAdmin(r prometheus.Registerer) *Admin {
	a := &Admin{refused: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "legate_admin_refused_total",
		Help: "Connections and requests that the listeners for people and probes turned away, by the limit that they met.",
	}, []string{"limit"})}
	r.MustRegister(a.refused)
	for _, l := range adminLimits {
		a.refused.WithLabelValues(l)
	}
	return a
}

// Refused counts a refused client by reason.
func (a *Admin) Refused(limit string) {
	if a == nil {
		return
	}
	a.refused.WithLabelValues(limit).Inc()
}
