package metrics

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// Translate counts what translation leaves out, and how far a change of policy is.
type Translate struct {
	mu       sync.Mutex
	problems *prometheus.GaugeVec
	known    map[string]bool // reasons that have a series
	rollout  *prometheus.GaugeVec
	paused   prometheus.Gauge
}

// problemReasons are those of translate.Reasons.
var problemReasons = []string{"name", "datacenter", "invalid", "policy", "resolver", "address", "unresolved", "port", "socket", "mixed", "locality"}

func newTranslate(d declarer) *Translate {
	d = d.about("Translation and policy", "What Envoy could not use and so does not get, and how far a change of policy is.", "internal/bridge")
	return &Translate{
		problems: d.once("something was left out because of it").gauges("legate_translate_problems",
			"Services and instances that are left out, because Envoy could not use them, by reason.", of("reason", problemReasons...)),
		known: map[string]bool{},
		rollout: d.gauges("legate_policy_rollout_clusters",
			"Clusters of the change of policy that goes out now, by state: changed, or waiting with their old policy.",
			of("state", "changed", "waiting")),
		paused: d.gauge("legate_policy_rollout_paused",
			"1 while a change of policy goes out no further, because more clients reject what it changed than take it; else 0."),
	}
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

// Rollout sets how far the change of policy is that goes out: how many clusters have the new policy and how many
// wait, and whether these wait because clients reject what was changed.
func (t *Translate) Rollout(changed, waiting int, paused bool) {
	if t == nil {
		return
	}
	t.rollout.WithLabelValues("changed").Set(float64(changed))
	t.rollout.WithLabelValues("waiting").Set(float64(waiting))
	if paused {
		t.paused.Set(1)
	} else {
		t.paused.Set(0)
	}
}
