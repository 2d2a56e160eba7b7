package parts

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// Series is a series of Prometheus, or of an expression, with its samples in order of time.
type Series struct {
	Labels  map[string]string
	Samples []Sample
}

// Sample is a value at a time.
type Sample struct {
	At    time.Time
	Value float64
}

// Query evaluates an expression at a time. Each series of the result has one sample.
func (p *Prometheus) Query(ctx context.Context, expr string, at time.Time) ([]Series, error) {
	return p.query(ctx, "query", url.Values{"query": {expr}, "time": {instant(at)}})
}

// QueryRange evaluates an expression at each step from one time to another.
func (p *Prometheus) QueryRange(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]Series, error) {
	return p.query(ctx, "query_range", url.Values{
		"query": {expr}, "start": {instant(from)}, "end": {instant(to)}, "step": {strconv.FormatFloat(step.Seconds(), 'f', -1, 64)},
	})
}

// Alert is an alert that is pending or firing.
type Alert struct {
	Labels      map[string]string
	Annotations map[string]string
	State       string // pending or firing
}

// Alerts returns the alerts that are pending or firing now.
func (p *Prometheus) Alerts(ctx context.Context) ([]Alert, error) {
	var data struct{ Alerts []Alert }
	err := p.ask(ctx, "alerts", nil, &data)
	return data.Alerts, err
}

// Rule is a rule as Prometheus last evaluated it.
type Rule struct {
	Name, Type     string // Type is alerting or recording
	Query          string
	Health         string // ok, err or unknown
	LastError      string
	LastEvaluation time.Time
}

// Rules returns all rules, in the order of their files.
func (p *Prometheus) Rules(ctx context.Context) (all []Rule, err error) {
	var data struct{ Groups []struct{ Rules []Rule } }
	err = p.ask(ctx, "rules", nil, &data)
	for _, g := range data.Groups {
		all = append(all, g.Rules...)
	}
	return all, err
}

func instant(at time.Time) string {
	return strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', 3, 64)
}

// query asks for a vector or a matrix. A scalar is a series without labels.
func (p *Prometheus) query(ctx context.Context, endpoint string, form url.Values) ([]Series, error) {
	var data struct {
		ResultType string
		Result     json.RawMessage
	}
	if err := p.ask(ctx, endpoint, form, &data); err != nil {
		return nil, err
	}
	if data.ResultType == "scalar" {
		var v sample
		err := json.Unmarshal(data.Result, &v)
		return []Series{{Samples: []Sample{Sample(v)}}}, err
	}
	var result []struct {
		Metric map[string]string
		Value  *sample
		Values []sample
	}
	if err := json.Unmarshal(data.Result, &result); err != nil {
		return nil, fmt.Errorf("%s %q: %w", endpoint, form.Get("query"), err)
	}
	all := make([]Series, len(result))
	for i, r := range result {
		if r.Value != nil {
			r.Values = []sample{*r.Value}
		}
		all[i].Labels = r.Metric
		for _, v := range r.Values {
			all[i].Samples = append(all[i].Samples, Sample(v))
		}
	}
	return all, nil
}

// sample is [seconds, "value"] in JSON.
type sample Sample

func (s *sample) UnmarshalJSON(text []byte) error {
	var at float64
	var value string
	if err := json.Unmarshal(text, &[]any{&at, &value}); err != nil {
		return err
	}
	s.At = time.UnixMilli(int64(at * 1000))
	var err error
	s.Value, err = strconv.ParseFloat(value, 64)
	return err
}

// ask requests data of Prometheus' API, https://prometheus.io/docs/prometheus/latest/querying/api/.
func (p *Prometheus) ask(ctx context.Context, endpoint string, form url.Values, data any) error {
	text, err := p.get(ctx, "/api/v1/"+endpoint+"?"+form.Encode())
	if err != nil {
		return fmt.Errorf("%s %q: %w", endpoint, form.Get("query"), err)
	}
	return json.Unmarshal(text, &struct{ Data any }{data})
}
