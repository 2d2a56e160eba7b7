// Package grafanatest compares the metrics that examples/grafana uses with those that Legate
// exports.
//
// The list of metrics, labels and values is testdata/used.txt. Prometheus' own parser derives it
// from the dashboards and the alert rules, in the module tools/promql.
package grafanatest

import (
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

//go:embed testdata/used.txt
var used string

// Missing reads a page of /metrics and returns, one sentence each, what a dashboard or an alert
// uses and the page lacks. Some series exist only after something has happened. So the page must
// come from a Legate that has read Consul, leaves out at least one instance (a port of 0 will do),
// and has an open stream that has exchanged something.
func Missing(page io.Reader) ([]string, error) {
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(page)
	if err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	var missing []string
	for line := range strings.Lines(used) {
		words := strings.Fields(line)
		metric, needs := words[0], words[1:]
		family := find(families, metric)
		if family == nil {
			missing = append(missing, fmt.Sprintf("there is no metric %s", metric))
			continue
		}
		for _, need := range needs {
			if !has(family, need) {
				missing = append(missing, fmt.Sprintf("no series of %s has the label %s", metric, need))
			}
		}
	}
	return missing, nil
}

// find returns the family of the metric, if it has series. A histogram has several metrics.
func find(families map[string]*dto.MetricFamily, metric string) *dto.MetricFamily {
	family := families[metric]
	if base, ok := strings.CutSuffix(metric, "_bucket"); ok {
		family = families[base]
		if family.GetType() != dto.MetricType_HISTOGRAM {
			return nil
		}
	}
	if len(family.GetMetric()) == 0 {
		return nil
	}
	return family
}

// has reports whether a series has a label, or label=value.
func has(family *dto.MetricFamily, need string) bool {
	name, value, exact := strings.Cut(need, "=")
	if name == model.BucketLabel && family.GetType() == dto.MetricType_HISTOGRAM {
		return !exact
	}
	return slices.ContainsFunc(family.GetMetric(), func(m *dto.Metric) bool {
		return slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool {
			return l.GetName() == name && (!exact || l.GetValue() == value)
		})
	})
}
