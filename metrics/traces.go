package metrics

import "github.com/prometheus/client_golang/prometheus"

// Traces counts the traces of changes.
type Traces struct{ traces *prometheus.CounterVec }

func newTraces(d declarer) *Traces {
	return &Traces{d.by("internal/tracing").counters("legate_traces_total",
		"Traces of changes that the OpenTelemetry collector took (exported), or that are lost because it did not (dropped). 0 while there is none.",
		of("outcome", "exported", "dropped"))}
}

// Exported counts traces that the collector took.
func (t *Traces) Exported(n int) {
	if t != nil {
		t.traces.WithLabelValues("exported").Add(float64(n))
	}
}

// Dropped counts traces that the collector did not take.
func (t *Traces) Dropped(n int) {
	if t != nil {
		t.traces.WithLabelValues("dropped").Add(float64(n))
	}
}
