package chaos_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"legate/internal/grafanatest/live"
)

// Each alert of examples/grafana fires in its fault, and no other does. In an hour in which all is well, none is even
// pending.
func TestAlerts(t *testing.T) {
	if !*whole {
		t.Skip("it is a part of make chaos")
	}
	h := newHour(t)
	h.awaitCalm(t)
	began := time.Now()
	wait(t.Context(), 60*live.Minute)
	if raised := h.raised(t, began, ""); len(raised) > 0 {
		t.Errorf("in an hour in which all is well: %v", raised)
	}
	rows := alertTable{}
	for _, a := range acts() {
		t.Run(strings.Join(a.alerts(), " "), func(t *testing.T) {
			fired := h.play(t, a)
			rows.add(a, fired)
		})
	}
	rows.keep(t)
}

// alertPatience is how long an alert may take to fire, or to end: more than the longest for and range of a rule.
const alertPatience = 4 * time.Minute

// play lets the faults of an act happen until their alerts have fired, and ends them. It returns after how long alerts fired.
func (h *hour) play(t *testing.T, a act) (fired map[string]time.Duration) {
	began := time.Now()
	var ends []func()
	for _, f := range a.faults {
		ends = append(ends, f.begin(t, h))
	}
	silent := soon(t.Context(), alertPatience, func() error {
		fired = h.raised(t, began, "firing")
		for _, alert := range a.alerts() {
			if _, ok := fired[alert]; !ok {
				wait(t.Context(), live.Interval)
				return fmt.Errorf("%s has not fired, only %v", alert, slices.Sorted(maps.Keys(fired)))
			}
		}
		return nil
	})
	for _, end := range ends {
		end()
	}
	if silent != nil {
		t.Error(silent)
	}
	ended := time.Now()
	h.awaitCalm(t)
	fired = h.raised(t, began, "firing")
	for alert := range fired {
		if !slices.Contains(a.alerts(), alert) && !slices.Contains(a.also, alert) {
			t.Errorf("%s fired, too", alert)
		}
	}
	t.Logf("fired after %v; all was calm %v after the end", fired, time.Since(ended).Round(live.Interval))
	return fired
}

// awaitCalm waits until no alert is pending or firing, by rules that were evaluated since Legate was seen.
func (h *hour) awaitCalm(t *testing.T) {
	t.Helper()
	var seen time.Time
	must(t, soon(t.Context(), alertPatience, func() error {
		wait(t.Context(), live.Interval/4)
		if seen.IsZero() {
			up, err := h.prometheus.Query(t.Context(), "up == 1", time.Now())
			if err != nil {
				return err
			}
			if len(up) == 0 {
				return errors.New("legate is not seen")
			}
			seen = time.Now()
		}
		rules, err := h.prometheus.Rules(t.Context())
		if err != nil {
			return err
		}
		for _, r := range rules {
			if r.LastEvaluation.Before(seen) {
				return fmt.Errorf("%s has not been evaluated since", r.Name)
			}
		}
		alerts, err := h.prometheus.Alerts(t.Context())
		if err == nil && len(alerts) > 0 {
			err = fmt.Errorf("%s is %s", alerts[0].Labels["alertname"], alerts[0].State)
		}
		return err
	}))
}

// raised returns which alerts were in a state, or in any, since a time, and how long after it first.
func (h *hour) raised(t *testing.T, since time.Time, state string) map[string]time.Duration {
	t.Helper()
	selector := "ALERTS"
	if state != "" {
		selector += fmt.Sprintf("{alertstate=%q}", state)
	}
	found, err := h.prometheus.QueryRange(t.Context(), selector, since, time.Now(), live.Interval)
	must(t, err)
	raised := map[string]time.Duration{}
	for _, s := range found {
		alert, after := s.Labels["alertname"], s.Samples[0].At.Sub(since)
		if before, ok := raised[alert]; !ok || after < before {
			raised[alert] = after
		}
	}
	return raised
}

// This one runs with the short tests: a new alert needs its fault.
func TestEachAlertHasAFault(t *testing.T) {
	rules, err := os.ReadFile(filepath.Join("../..", live.Folder, "legate.rules.yml"))
	must(t, err)
	var known, played []string
	for _, m := range regexp.MustCompile(`(?m)^ *- alert: (\w+)$`).FindAllStringSubmatch(string(rules), -1) {
		known = append(known, m[1])
	}
	for _, a := range acts() {
		played = append(played, a.alerts()...)
	}
	slices.Sort(known)
	slices.Sort(played)
	if len(known) == 0 || !slices.Equal(known, played) {
		t.Errorf("the rules have the alerts\n%v\nand the faults are of\n%v", known, played)
	}
}
