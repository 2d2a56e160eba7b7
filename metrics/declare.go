package metrics

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// declarer makes and registers metrics, and remembers what docs/metrics.md says of them. It is a value: by and
// once return another one, for the metrics that are declared with it.
type declarer struct {
	registry *prometheus.Registry
	declared *declared
	topic    string
	room     string  // that says what happened
	since    string  // when the metric has its first series; empty: from the start
	outer    []label // that the registry's owner adds to each series
}

// declared are all topics and metrics, in the order in which they were declared.
type declared struct {
	topics   []topic
	families []family
}

// topic is what several metrics are about.
type topic struct{ name, about string }

// family is what there is to know of a metric.
type family struct {
	name, kind, help   string
	labels             []label
	topic, room, since string
}

// label is a label of a metric.
type label struct {
	name   string
	values []string // all that it can have; nil: they are not fixed
	later  bool     // a value has its series when it is first needed
	bound  string   // in words: what they are, and, if they are not fixed, what keeps them few
}

// of is a label with fixed values.
func of(name string, values ...string) label { return label{name: name, values: values} }

// about begins a topic, with a sentence about it, and says which room most of its metrics come from.
func (d declarer) about(name, sentence, room string) declarer {
	d.declared.topics = append(d.declared.topics, topic{name, sentence})
	d.topic, d.room = name, room
	return d
}

// by is for metrics of another room.
func (d declarer) by(room string) declarer {
	d.room = room
	return d
}

// once is for metrics that have no series before something has happened.
func (d declarer) once(happened string) declarer {
	d.since = happened
	return d
}

// within is for metrics that are registered elsewhere: whoever collects them there adds these labels.
func (d declarer) within(registry *prometheus.Registry, outer ...label) declarer {
	d.registry, d.outer = registry, outer
	return d
}

// declare remembers a metric, and returns the names of its labels, without those that are added later.
func (d declarer) declare(name, kind, help string, labels []label) []string {
	d.declared.families = append(d.declared.families, family{name, kind, help, slices.Concat(d.outer, labels), d.topic, d.room, d.since})
	names := make([]string, len(labels))
	for i, l := range labels {
		names[i] = l.name
	}
	return names
}

func (d declarer) counter(name, help string) prometheus.Counter {
	d.declare(name, "counter", help, nil)
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	d.registry.MustRegister(c)
	return c
}

// counters makes a counter for each combination of labels. With a single label, all values that are fixed are there
// from the start, at 0: increase() would miss the first event of a series that starts at 1.
func (d declarer) counters(name, help string, labels ...label) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, d.declare(name, "counter", help, labels))
	d.registry.MustRegister(c)
	for _, value := range d.atZero(labels) {
		c.WithLabelValues(value)
	}
	return c
}

func (d declarer) gauge(name, help string) prometheus.Gauge {
	d.declare(name, "gauge", help, nil)
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	d.registry.MustRegister(g)
	return g
}

// gaugeOf makes a gauge whose value is asked for at each scrape.
func (d declarer) gaugeOf(name, help string, what func() float64) {
	d.declare(name, "gauge", help, nil)
	d.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, what))
}

// gauges makes a gauge for each combination of labels. With a single label, all values that are fixed are there from
// the start, at 0.
func (d declarer) gauges(name, help string, labels ...label) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, d.declare(name, "gauge", help, labels))
	d.registry.MustRegister(g)
	for _, value := range d.atZero(labels) {
		g.WithLabelValues(value)
	}
	return g
}

// asked makes a gauge for each value of a label, and has its value asked for at each scrape.
func (d declarer) asked(name, help string, l label, what func(value string) float64) {
	d.declare(name, "gauge", help, []label{l})
	for _, value := range l.values {
		d.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: name, Help: help, ConstLabels: prometheus.Labels{l.name: value},
		}, func() float64 { return what(value) }))
	}
}

func (d declarer) histogram(name, help string, buckets []float64) prometheus.Histogram {
	d.declare(name, "histogram", help, nil)
	h := prometheus.NewHistogram(histogram(name, help, buckets))
	d.registry.MustRegister(h)
	return h
}

func (d declarer) histograms(name, help string, buckets []float64, labels ...label) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(histogram(name, help, buckets), d.declare(name, "histogram", help, labels))
	d.registry.MustRegister(h)
	return h
}

// atZero returns the values of which there are series from the start.
func (d declarer) atZero(labels []label) []string {
	if len(labels) != 1 || labels[0].later || d.since != "" {
		return nil
	}
	return labels[0].values
}

// histogram returns the options of a histogram in seconds. Every scraper understands classic
// buckets; one that negotiates native histograms gets finer resolution from the same observations.
func histogram(name, help string, buckets []float64) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{
		Name:                            name,
		Help:                            help,
		Buckets:                         buckets,
		NativeHistogramBucketFactor:     1.1,
		NativeHistogramMaxBucketNumber:  160,
		NativeHistogramMinResetDuration: time.Hour,
	}
}
