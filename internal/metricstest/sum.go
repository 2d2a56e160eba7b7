// Package metricstest tells tests what was counted.
package metricstest

import (
	"slices"
	"testing"

	"legate/metrics"
)

// Sum is the value of a counter or gauge, summed up over the series that have one of these label values, or over all
// series if none is given. It is 0 if there is no such metric.
func Sum(t testing.TB, m *metrics.Metrics, name string, labels ...string) (sum float64) {
	t.Helper()
	families, err := m.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, series := range f.GetMetric() {
			wanted := len(labels) == 0
			for _, l := range series.GetLabel() {
				wanted = wanted || slices.Contains(labels, l.GetValue())
			}
			if wanted {
				sum += series.GetCounter().GetValue() + series.GetGauge().GetValue()
			}
		}
	}
	return sum
}
