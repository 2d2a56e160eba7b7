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

func newLastKnown(d declarer) *LastKnown {
	d = d.about("The catalog on disk", "The last known catalog, with which Legate starts while Consul is away.", "internal/lastknown")
	return &LastKnown{
		stale: d.gauge("legate_serving_stale",
			"1 while the last known catalog is served, from disk, because Consul was not read since the start."),
		believed: d.gauge("legate_last_known_timestamp_seconds",
			"When Consul said what the last known catalog on disk holds, in Unix time. 0: there is none."),
		writes: d.counters("legate_last_known_writes_total",
			"Attempts to write the last known catalog to disk by outcome.", of("outcome", "ok", "failed")),
		duration: d.histogram("legate_last_known_write_duration_seconds",
			"How long it took to write the last known catalog to disk.", []float64{.001, .005, .025, .1, .5, 2.5, 10}),
	}
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
