package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// LastKnown describes the catalog on disk, and whether it is served.
type LastKnown struct {
	stale    prometheus.Gauge
	believed prometheus.Gauge
	writes   *prometheus.CounterVec
	duration prometheus.Histogram
}

func newLastKnown(r prometheus.Registerer) *LastKnown {
	l := &LastKnown{
		stale: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "legate_serving_stale",
			Help: "1 while the last known catalog is served, from disk, because Consul was not read since the start.",
		}),
		believed: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "legate_last_known_timestamp_seconds",
			Help: "When Consul said what the last known catalog on disk holds, in Unix time. 0: there is none.",
		}),
		writes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "legate_last_known_writes_total",
			Help: "Attempts to write the last known catalog to disk by outcome.",
		}, []string{"outcome"}),
		duration: prometheus.NewHistogram(histogram(
			"legate_last_known_write_duration_seconds",
			"How long it took to write the last known catalog to disk.",
			[]float64{.001, .005, .025, .1, .5, 2.5, 10})),
	}
	r.MustRegister(l.stale, l.believed, l.writes, l.duration)
	for _, outcome := range []string{"ok", "failed"} {
		l.writes.WithLabelValues(outcome)
	}
	return l
}

// Stale records whether the catalog from disk is served.
func (l *LastKnown) Stale(stale bool) {
	if l == nil {
		return
	}
	l.stale.Set(0)
	if stale {
		l.stale.Set(1)
	}
}

// Believed sets the date of the catalog on disk.
func (l *LastKnown) Believed(at time.Time) {
	if l != nil {
		l.believed.Set(unixSeconds(at))
	}
}

// Written counts an attempt to write the file.
func (l *LastKnown) Written(ok bool, took time.Duration) {
	if l == nil {
		return
	}
	outcome := "failed"
	if ok {
		outcome = "ok"
	}
	l.writes.WithLabelValues(outcome).Inc()
	l.duration.Observe(took.Seconds())
}
