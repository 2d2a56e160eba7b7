package chaos_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Random registrations, health and weights, with a fault every minute, for hours. Whenever changes
// pause, every Envoy must have exactly what the model has, and Legate must use no more than at
// first.
func TestSoak(t *testing.T) {
	if *hours <= 0 {
		t.Skip("it takes hours: run it with make soak HOURS=1")
	}
	s := newSingleScene(t)
	m := newModel(s.consul)
	for range modelServices * modelInstances {
		must(t, m.step(t.Context()))
	}
	r := &soakReport{began: time.Now()}
	defer func() { r.write(t, m) }()
	faults := soakFaults()
	minute := time.Now()
	eye := s.watch()
	defer func() {
		if samples, lost, ill := eye.close(); samples == 0 || len(lost)+len(ill) > 0 {
			t.Errorf("%d samples: endpoints lost %v, not healthy %v", samples, lost, ill)
		}
	}()
	for end := time.Now().Add(time.Duration(*hours * float64(time.Hour))); time.Now().Before(end); {
		for began := time.Now(); time.Since(began) < 20*time.Second; time.Sleep(time.Duration(rand.IntN(1000)) * time.Millisecond) {
			must(t, m.step(t.Context()))
		}
		r.check(t, s, m, "random changes")
		if time.Since(minute) > time.Minute {
			minute = time.Now()
			f := faults[rand.IntN(len(faults))]
			t.Run(strings.ReplaceAll(f.name, " ", "-"), func(t *testing.T) {
				if f.before != nil {
					f.before(t, s)
				}
				f.do(t, s)
				if f.after != nil {
					f.after(t, s)
				}
			})
			r.faults++
			for range 5 {
				must(t, m.step(t.Context()))
			}
			r.check(t, s, m, f.name)
		}
		r.note(s.vitals(t), failures(s))
	}
	if err := r.flat(); err != nil {
		t.Error(err)
	}
}

// failures returns what happened to the traffic since the last call.
func failures(s *scene) string {
	_, failed := s.traffic.take()
	if len(failed) == 0 {
		return ""
	}
	return fmt.Sprintf("%d requests failed, as %s", len(failed), failed[0])
}

// soakFaults are the faults that leave the scene unchanged.
func soakFaults() (chosen []fault) {
	names := map[string]bool{}
	for _, name := range []string{
		"agent killed", "agent restarted", "500s", "HTML error page with 200", "truncated JSON", "200 with empty body at once",
		"empty after load", "partial catalog", "partial catalog, newer", "wrong datacenter answers", "connections cut, address refuses", "latency 2 s",
		"half-open (drop without RST)", "reset mid-body", "cut mid-body", "Legate killed", "Consul away, Legate restarted",
		"NACK-all", "rapid stream resets",
	} {
		names[name] = true
	}
	for _, g := range groups() {
		for _, f := range g.faults {
			if names[f.name] {
				chosen = append(chosen, f)
			}
		}
	}
	return chosen
}

// soakReport is the result of a run.
type soakReport struct {
	began  time.Time
	faults int
	checks int
	worst  time.Duration
	after  string // the fault before the slowest convergence
	wrong  []string
	lines  []soakLine
}

type soakLine struct {
	at time.Duration
	vitals
}

// believed is how long a suspicious removal may take. After the loss of most of the datacenter,
// missing instances are held until nothing has returned for two minutes, and instances that were
// removed at that time are held with them.
const believed = 150 * time.Second

// check waits until every Envoy has what the model has.
func (r *soakReport) check(t *testing.T, s *scene, m *model, after string) {
	began := time.Now()
	err := s.everywhere(t, believed, func(e *envoy) error { return m.holds(t.Context(), e) })
	took := time.Since(began)
	r.checks++
	if took > r.worst {
		r.worst, r.after = took, after
	}
	if err != nil {
		r.wrong = append(r.wrong, fmt.Sprintf("%v, after %s: %v", time.Since(r.began).Round(time.Second), after, err))
		t.Errorf("after %s: %v", after, err)
	}
}

func (r *soakReport) note(v vitals, failures string) {
	r.lines = append(r.lines, soakLine{time.Since(r.began), v})
	if failures != "" {
		r.wrong = append(r.wrong, fmt.Sprintf("%v: %s", time.Since(r.began).Round(time.Second), failures))
	}
}

// flat compares the last quarter with the second one, since everything warms up at first.
func (r *soakReport) flat() error {
	n := len(r.lines) / 4
	if n == 0 {
		return nil
	}
	was, is := medianOf(r.lines[n:2*n]), medianOf(r.lines[3*n:])
	if err := leftover(was, is); err != nil {
		return fmt.Errorf("in the last quarter more than in the second: %w", err)
	}
	return nil
}

func medianOf(lines []soakLine) (v vitals) {
	middle := func(of func(soakLine) int) int {
		var all []int
		for _, l := range lines {
			all = append(all, of(l))
		}
		return sortedInts(all)[len(all)/2]
	}
	return vitals{
		goroutines:  middle(func(l soakLine) int { return l.goroutines }),
		descriptors: middle(func(l soakLine) int { return l.descriptors }),
		connections: middle(func(l soakLine) int { return l.connections }),
		megabytes:   middle(func(l soakLine) int { return l.megabytes }),
		heap:        middle(func(l soakLine) int { return l.heap }),
	}
}

func (r *soakReport) write(t *testing.T, m *model) {
	var b strings.Builder
	fmt.Fprintf(&b, "%v; %d faults; changes %v; compared %d times, the longest wait %.1f s (after %s)\n\n",
		time.Since(r.began).Round(time.Second), r.faults, m.done, r.checks, r.worst.Seconds(), r.after)
	for _, w := range r.wrong {
		fmt.Fprintf(&b, "- WRONG: %s\n", w)
		if strings.Contains(w, "requests failed") {
			t.Error(w)
		}
	}
	b.WriteString("\n| after | goroutines | descriptors | connections | heap MB | resident MB |\n|---|---|---|---|---|---|\n")
	for i, l := range r.lines {
		if i%(1+len(r.lines)/60) == 0 {
			fmt.Fprintf(&b, "| %v | %d | %d | %d | %d | %d |\n", l.at.Round(time.Second), l.goroutines, l.descriptors, l.connections, l.heap, l.megabytes)
		}
	}
	fmt.Println(b.String())
	if *results != "" {
		must(t, os.WriteFile(filepath.Join(*results, "soak.md"), []byte(b.String()), 0o644))
	}
}
