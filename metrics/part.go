package metrics

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// part is what one site adds to a gauge, which other sites may add to as well. A site without anybody to share with adds
// all of it.
type part struct {
	gauge func() prometheus.Gauge // has its first series when it is first set

	mu    sync.Mutex
	is    float64
	ended bool
}

func (p *part) set(value float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.gauge().Add(value - p.is)
		p.is = value
	}
}

// end takes the part away. What is set afterwards does not count.
func (p *part) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended && p.is != 0 {
		p.gauge().Add(-p.is)
	}
	p.ended = true
}

func partOf(g prometheus.Gauge) *part { return &part{gauge: func() prometheus.Gauge { return g }} }

// parts are those of a gauge with a label. They are few: to go through them costs less than a map.
type parts []labelled

type labelled struct {
	label string
	*part
}

func partsOf(g *prometheus.GaugeVec, labels []string) parts {
	all := make(parts, len(labels))
	for i, label := range labels {
		all[i] = labelled{label, &part{gauge: sync.OnceValue(func() prometheus.Gauge { return g.WithLabelValues(label) })}}
	}
	return all
}

// set sets one value. A label that is not declared has none.
func (p parts) set(label string, value float64) {
	for _, one := range p {
		if one.label == label {
			one.set(value)
		}
	}
}

// setAll sets all: a label that is not in the map is 0.
func (p parts) setAll(to map[string]int) {
	for _, one := range p {
		one.set(float64(to[one.label]))
	}
}

func (p parts) end() {
	for _, one := range p {
		one.end()
	}
}
