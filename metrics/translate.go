package metrics

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// Translate counts what translation leaves out.
type Translate struct {
	mu       sync.Mutex
	problems *prometheus.GaugeVec
	known    map[string]bool // reasons that have a series
}

func newTranslate(r prometheus.Registerer) *Translate {
	t := &Translate{
		problems: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "legate_translate_problems",
			Help: "Services and instances that are left out, because Envoy could not use them, by reason.",
		}, []string{"reason"}),
		known: map[string]bool{},
	}
	r.MustRegister(t.problems)
	return t
}

// Problems sets the number of current problems by reason. A reason that was set before and is
// missing now becomes 0: its series stays, so that graphs show the end of the problem.
func (t *Translate) Problems(byReason map[string]int) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for reason := range byReason {
		t.known[reason] = true
	}
	for reason := range t.known {
		t.problems.WithLabelValues(reason).Set(float64(byReason[reason]))
	}
}
