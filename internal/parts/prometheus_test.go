package parts_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

func TestAPrometheusScrapesEvaluatesAndAlerts(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintln(w, `fish{kind="eel"} 3`)
	}))
	t.Cleanup(target.Close)
	p := partstest.Prometheus(t, parts.PrometheusOptions{
		Config: fmt.Appendf(nil, `
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [fish.yml]
scrape_configs: [{job_name: pond, static_configs: [{targets: [%q]}]}]`, strings.TrimPrefix(target.URL, "http://")),
		Files: map[string][]byte{"fish.yml": []byte(`groups: [{name: fish, rules: [
{record: "kind:fish:sum", expr: "sum by (kind) (fish)"},
{alert: Eels, expr: "fish{kind=\"eel\"} > 2", annotations: {summary: "{{ $value }} eels"}}]}]`)},
	})
	ctx, began := t.Context(), time.Now()
	partstest.Eventually(t, func() error {
		found, err := p.Query(ctx, `kind:fish:sum`, time.Now())
		if err != nil {
			return err
		}
		if len(found) != 1 || found[0].Labels["kind"] != "eel" || found[0].Samples[0].Value != 3 {
			return fmt.Errorf("it says %v", found)
		}
		return nil
	})
	partstest.Eventually(t, func() error {
		ranged, err := p.QueryRange(ctx, `fish * (1 / 2)`, began, time.Now(), time.Second/2)
		if err != nil {
			return err
		}
		if len(ranged) != 1 || ranged[0].Samples[0].Value != 1.5 || ranged[0].Samples[0].At.Before(began) {
			return fmt.Errorf("over time it says %v", ranged)
		}
		return nil
	})
	scalar, err := p.Query(ctx, `1/0`, time.Now())
	if err != nil || fmt.Sprint(scalar[0].Samples[0].Value) != "+Inf" {
		t.Errorf("a scalar is %v, error %v", scalar, err)
	}
	alerts, err := p.Alerts(ctx)
	if err != nil || len(alerts) != 1 || alerts[0].Labels["alertname"] != "Eels" || alerts[0].State != "firing" || alerts[0].Annotations["summary"] != "3 eels" {
		t.Errorf("alerts are %v, error %v", alerts, err)
	}
	rules, err := p.Rules(ctx)
	if err != nil || len(rules) != 2 || rules[0].Name != "kind:fish:sum" || rules[0].Type != "recording" || rules[1].Health != "ok" {
		t.Errorf("rules are %v, error %v", rules, err)
	}
	if _, err := p.Query(ctx, `fish{`, time.Now()); err == nil || !strings.Contains(err.Error(), "parse error") {
		t.Errorf("nonsense is answered with %v", err)
	}
}

func TestAPrometheusThatDoesNotStartLeavesItsWords(t *testing.T) {
	o := parts.PrometheusOptions{Config: []byte("nonsense: true")}
	o.Path = partstest.PrometheusPath(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir()) // where its log is kept
	_, err := parts.StartPrometheus(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("error %v", err)
	}
}
