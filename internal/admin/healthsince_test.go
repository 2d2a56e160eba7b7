package admin

import (
	"strings"
	"testing"
	"time"

	"legate/discovery/catalog"
	"legate/internal/changes"
)

// How long an instance is in its health is said as far as Legate has seen it, and not more.
func TestAnInstanceSaysSinceWhenItHasItsHealth(t *testing.T) {
	start := now.Add(-time.Hour)
	health := func(ago time.Duration, instance string, more int) changes.Change {
		return changes.Change{Kind: changes.Service, At: now.Add(-ago), Services: []string{"web"}, More: more,
			Lines: []changes.Line{{Op: changes.Tilde, What: "health", Instance: instance, From: "passing", To: "critical"}}}
	}
	came := changes.Change{Kind: changes.Service, At: now.Add(-30 * time.Minute), Answered: now.Add(-31 * time.Minute), Services: []string{"web"}, Lines: []changes.Line{{Op: changes.Plus, What: "instance", Instance: "n/b"}}}
	for _, c := range []struct {
		what string
		kept []changes.Change
		a, b string // two instances
	}{
		{"nothing changed", nil, "for at least 1 h 0 min", "for at least 1 h 0 min"},
		{"the last one counts", []changes.Change{came, health(20*time.Minute, "n/a", 0), health(10*time.Minute, "n/a", 0), health(200*time.Millisecond, "n/c", 0)}, "for 10 min 0 s", "for 31 min 0 s"},
		{"of another service", []changes.Change{{Kind: changes.Service, At: now, Services: []string{"api"}, Lines: came.Lines}}, "for at least 1 h 0 min", "for at least 1 h 0 min"},
		{"more than was written down", []changes.Change{came, health(10*time.Minute, "n/a", 3)}, "for 10 min 0 s", "for at least 10 min 0 s"},
		{"services that were only counted", []changes.Change{came, {Kind: changes.More, At: now.Add(-time.Minute)}, health(time.Second/2, "n/a", 0)}, "for 500 ms", "for at least 1 min 0 s"},
	} {
		h := healthy()
		h.state.Complete = start
		h.record = changes.New()
		h.record.Add(c.kept...)
		times := h.server().healthTimesOf("web", start)
		for id, want := range map[string]string{"a": c.a, "b": c.b} {
			var i Instance
			i.HealthSince, i.HealthAtLeast = times.of("n", id)
			if got := i.HealthFor(now); got != want {
				t.Errorf("%s: %s %s, want %s", c.what, id, got, want)
			}
		}
	}
	h := healthy()
	h.state.Complete = start
	if page := h.get(t, "/services/web").Body.String(); strings.Contains(page, "for at least") {
		t.Error("without a record nothing is known")
	}
	h.record = changes.New()
	if page := h.get(t, "/services/web").Body.String(); !strings.Contains(page, "<small>for at least 1 h 0 min</small>") || strings.Contains(page, "priority") {
		t.Error(page)
	}
	if i := instance("web", 80).Instances[0]; i.Health != catalog.Passing {
		t.Error(i)
	}
}
