package live_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"legate/internal/grafanatest/live"
	"legate/internal/parts"
)

// patience is how long the test waits for what a panel has to show, on a machine that has much else to do.
const patience = 90 * time.Second

func TestEachSignIsOnADashboard(t *testing.T) {
	boards, err := live.Boards(checkout + "/" + live.Folder)
	must(t, err)
	for _, c := range story() {
		for _, g := range slices.Concat(c.signs, c.then) {
			if !slices.ContainsFunc(boards, func(b live.Board) bool {
				return slices.ContainsFunc(b.Queries, func(q live.Query) bool { return q.Panel == g.panel })
			}) {
				t.Errorf("%s: no dashboard has a panel %q", c.name, g.panel)
			}
		}
	}
}

// Each query of each dashboard finds something in the story, and what goes wrong is seen where somebody would look.
func TestTheDashboardsTellTheStory(t *testing.T) {
	boards, err := live.Boards(checkout + "/" + live.Folder)
	must(t, err)
	s := newStage(t)
	for _, c := range story() {
		if !t.Run(c.name, func(t *testing.T) { s.live(t, boards, c) }) {
			return
		}
	}
	s.everyQueryFinds(t, boards)
	s.everyRuleWorks(t)
}

// live lets a chapter happen, and looks for its signs before, meanwhile and afterwards.
func (s *stage) live(t *testing.T, boards []live.Board, c chapter) {
	// await waits until each sign is there, or none of those that come and go, at some time since began.
	await := func(when string, signs []sign, began time.Time, there bool) {
		t.Helper()
		left := slices.DeleteFunc(slices.Clone(signs), func(g sign) bool { return g.stays && !there })
		for asked := time.Now(); ; time.Sleep(live.Interval / 4) {
			var value float64
			left = slices.DeleteFunc(left, func(g sign) bool {
				value = s.value(t, boards, g, began)
				return value >= g.from == there
			})
			if len(left) == 0 {
				t.Logf("%s: %v", when, time.Since(asked).Round(10*time.Millisecond))
				return
			}
			if g := left[len(left)-1]; time.Since(asked) > patience {
				t.Fatalf("%s, %q of the panel %q is %v; it is a sign from %v on", when, g.series, g.panel, value, g.from)
			}
		}
	}
	await("before", c.signs, time.Time{}, false)
	began := time.Now()
	end := c.begin(t, s)
	await("meanwhile", c.signs, began, true)
	ended := time.Now()
	end()
	await("afterwards", c.signs, time.Time{}, false)
	await("then", c.then, ended, true)
}

// value returns the highest value that a panel shows of a series since a time, or now; not a number, if it shows none.
func (s *stage) value(t *testing.T, boards []live.Board, g sign, since time.Time) float64 {
	t.Helper()
	highest, now := math.NaN(), time.Now()
	for _, b := range boards {
		for _, q := range b.Queries {
			if q.Panel != g.panel {
				continue
			}
			found, err := s.ask(t, b, q, func(expr string) ([]parts.Series, error) {
				if since.IsZero() {
					return s.prometheus.Query(t.Context(), expr, now)
				}
				return s.prometheus.QueryRange(t.Context(), expr, since, now, live.Interval/2)
			})
			must(t, err)
			for _, f := range found {
				for _, v := range f.Samples {
					if (g.series == "*" || q.Called(f.Labels) == g.series) && !(v.Value <= highest) && !math.IsNaN(v.Value) {
						highest = v.Value
					}
				}
			}
		}
	}
	return highest
}

// ask evaluates a query of a dashboard, with everything that can be selected.
func (s *stage) ask(t *testing.T, b live.Board, q live.Query, evaluate func(expr string) ([]parts.Series, error)) (all []parts.Series, err error) {
	t.Helper()
	choices, err := s.prometheus.Choices(t.Context(), b)
	if err != nil {
		return nil, err
	}
	for _, choice := range choices {
		found, err := evaluate(s.prometheus.Filled(q.Expr, choice))
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// everyQueryFinds fails the test for each query that Prometheus does not answer, or answers with nothing: of a panel that
// shows last values, now, else at any time of the story.
func (s *stage) everyQueryFinds(t *testing.T, boards []live.Board) {
	asked := 0
	for _, b := range boards {
		for _, q := range b.Queries {
			asked++
			found, err := s.finds(t, b, q)
			// A scrape that came too late leaves a gap, which the next one ends.
			for began := time.Now(); err == nil && !found && time.Since(began) < 10*live.Interval; found, err = s.finds(t, b, q) {
				time.Sleep(live.Interval)
			}
			if err != nil {
				t.Errorf("%s: %s: %v", b.Title, q, err)
			} else if !found {
				t.Errorf("%s: %s finds nothing: %s", b.Title, q, q.Expr)
			}
		}
	}
	t.Logf("%d queries of %d dashboards over %v", asked, len(boards), time.Since(s.prometheus.Began).Round(time.Second))
}

func (s *stage) finds(t *testing.T, b live.Board, q live.Query) (bool, error) {
	t.Helper()
	found, err := s.ask(t, b, q, func(expr string) ([]parts.Series, error) {
		if q.Last {
			return s.prometheus.Query(t.Context(), expr, time.Now())
		}
		return s.prometheus.QueryRange(t.Context(), expr, s.prometheus.Began, time.Now(), live.Interval)
	})
	return slices.ContainsFunc(found, hasNumber), err
}

func hasNumber(s parts.Series) bool {
	return slices.ContainsFunc(s.Samples, func(v parts.Sample) bool { return !math.IsNaN(v.Value) })
}

// everyRuleWorks fails the test for each rule that Prometheus could not evaluate, and each recording rule without series.
func (s *stage) everyRuleWorks(t *testing.T) {
	rules, err := s.prometheus.Rules(t.Context())
	must(t, err)
	if len(rules) == 0 {
		t.Error("Prometheus has no rules")
	}
	for _, r := range rules {
		if r.Health != "ok" {
			t.Errorf("rule %s is %s: %s", r.Name, r.Health, r.LastError)
		}
		if r.Type != "recording" {
			continue
		}
		found, err := s.prometheus.QueryRange(t.Context(), r.Name, s.prometheus.Began, time.Now(), live.Interval)
		if must(t, err); !slices.ContainsFunc(found, hasNumber) {
			t.Errorf("the recording rule %s has no series: %s", r.Name, r.Query)
		}
	}
}
