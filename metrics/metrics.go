// Package metrics holds every metric of Legate: its name, type, labels and help.
//
// The rooms call methods that say what happened; only this package knows Prometheus. What a caller
// may rely on:
//
//   - All methods may be called concurrently. On a nil receiver they do nothing.
//   - Label values from the network (node ids, type URLs, datacenters) are bounded in number and length:
//     whatever clients and Consul send, the number of series stays bounded.
//   - Series of a single stream exist only while it is open. The totals count every exchange when
//     it happens, so they lose nothing when a stream closes and never go back.
//   - Counters that alerts use exist from the start, at 0: increase() would miss the first event of
//     a series that starts at 1.
//
// Names start with legate_, never with consul_: Consul itself exports consul_xds_… metrics.
package metrics

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

// Metrics are the metrics of one program, in a registry of their own.
type Metrics struct {
	Consul    *Consul
	Translate *Translate
	Resolve   *Resolve
	XDS       *XDS
	LastKnown *LastKnown
	Process   *Process
	Admin     *Admin
	Traces    *Traces

	registry *prometheus.Registry
	declared *declared
}

// BuildInfo describes the program. It becomes the labels of legate_build_info.
type BuildInfo struct {
	Version   string
	Revision  string // of the source; empty if unknown
	GoVersion string
}

// New returns metrics in a new registry, with those of the Go runtime and the process.
func New(build BuildInfo) *Metrics {
	d := declarer{registry: prometheus.NewRegistry(), declared: &declared{}}
	m := &Metrics{
		Consul:    newConsul(d),
		Translate: newTranslate(d),
		Resolve:   newResolve(d),
		XDS:       newXDS(d),
		LastKnown: newLastKnown(d),
		registry:  d.registry,
		declared:  d.declared,
	}
	d = d.about("The program", "What runs, with which configuration, and who asks it.", "internal/cli")
	m.Process = newProcess(d)
	m.Admin = newAdmin(d)
	m.Traces = newTraces(d)
	d.gauges("legate_build_info", "What runs. Always 1.",
		label{name: "version", bound: "of this program"}, label{name: "revision", bound: "of its source; empty if unknown"}, label{name: "goversion", bound: "of the compiler"},
	).WithLabelValues(build.Version, build.Revision, build.GoVersion).Set(1)
	d.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// Handler serves the metrics as Prometheus and OpenMetrics text. A metric that cannot be gathered
// is left out; the others are served.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorHandling:       promhttp.ContinueOnError,
		EnableOpenMetrics:   true,
		MaxRequestsInFlight: 8,
	})
}

// Gather returns the current values. It makes Metrics a prometheus.Gatherer.
func (m *Metrics) Gather() ([]*dto.MetricFamily, error) { return m.registry.Gather() }
