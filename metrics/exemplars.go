package metrics

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// changeLabel is the label of exemplars: the id of a change, as legate changes shows it.
const changeLabel = "change_id"

// unnamedFor is how long the change of an example may be without an id: it is recorded just after it was published.
const unnamedFor = time.Minute

// propagation are the delays of changes by stage and type. It is a prometheus.Collector: who scrapes exemplars gets
// the ids of changes. These are asked for then, so that nobody waits for them who serves clients.
type propagation struct {
	*prometheus.HistogramVec
	now func() time.Time
	ids atomic.Pointer[func(Origin) string]

	mu     sync.Mutex
	delays map[prometheus.Observer]*delay
}

func newPropagation(d declarer) *propagation {
	const name = "legate_propagation_seconds"
	const help = "From Consul's answer to the change being sent on a stream (answer_to_sent) and acknowledged (answer_to_ack). Exemplars have the id of the change."
	labels := d.declare(name, "histogram", help, []label{of("stage", answerToSent, answerToAck), typeOf})
	p := &propagation{
		HistogramVec: prometheus.NewHistogramVec(histogram(name, help, changeBuckets), labels),
		now:          time.Now, delays: map[prometheus.Observer]*delay{},
	}
	d.registry.MustRegister(p)
	return p
}

// ChangeIDs sets the function that a scrape asks for the id of a change; empty: it is not known, or not yet.
func (x *XDS) ChangeIDs(of func(Origin) string) {
	if x != nil {
		x.propagation.ids.Store(&of)
	}
}

func (p *propagation) delay(stage, typ string) *delay {
	h := p.WithLabelValues(stage, typ)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.delays[h] == nil {
		p.delays[h] = &delay{histogram: h, newest: make([]atomic.Pointer[example], len(changeBuckets)+1)}
	}
	return p.delays[h]
}

// Collect implements prometheus.Collector.
func (p *propagation) Collect(out chan<- prometheus.Metric) {
	p.mu.Lock()
	delays := maps.Clone(p.delays)
	p.mu.Unlock()
	histograms := make(chan prometheus.Metric)
	go func() {
		p.HistogramVec.Collect(histograms)
		close(histograms)
	}()
	for m := range histograms {
		if d := delays[m.(prometheus.Observer)]; d != nil {
			m = p.exemplified(m, d)
		}
		out <- m
	}
}

// exemplified returns the histogram with its exemplars. Exemplars that are no proper ones are left out.
func (p *propagation) exemplified(m prometheus.Metric, d *delay) prometheus.Metric {
	var all []prometheus.Exemplar
	for i := range d.newest {
		e := d.newest[i].Load()
		if e == nil {
			continue
		}
		if id := p.idOf(e); id != "" {
			all = append(all, prometheus.Exemplar{Value: e.seconds, Timestamp: e.at, Labels: prometheus.Labels{changeLabel: id}})
		} else if p.now().Sub(e.at) > unnamedFor {
			d.newest[i].CompareAndSwap(e, nil)
		}
	}
	if with, err := prometheus.NewMetricWithExemplars(m, all...); err == nil {
		return with
	}
	return m
}

// idOf returns the id of an example's change, empty if it is not known.
func (p *propagation) idOf(e *example) string {
	if known := e.id.Load(); known != nil {
		return *known
	}
	ids := p.ids.Load()
	if ids == nil {
		return ""
	}
	id := (*ids)(e.of)
	if id != "" {
		e.id.Store(&id)
	}
	return id
}
