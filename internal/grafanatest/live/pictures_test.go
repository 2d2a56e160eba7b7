package live_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/internal/grafanatest/live"
)

// The pictures in docs are taken by make pictures, during a story at the pace of the world: an hour, or as long as
// -story says.
var (
	pictures = flag.String("pictures", "", "a folder, to draw the dashboards into")
	length   = flag.Duration("story", time.Hour, "how long the story takes that the dashboards show")
)

// scene is something that happens in the story, from one moment to another; both are parts of its length.
type scene struct {
	from, to float64
	begin    func(ctx context.Context, t *testing.T, f *fleet) (end func())
	boards   []string // are drawn just before it ends
	options  []string // for drawing
}

func scenes() []scene {
	return []scene{
		{from: 0.10, to: 0.16, begin: func(_ context.Context, t *testing.T, f *fleet) func() {
			f.register(t, "payments", "payments-odd", 0, api.HealthPassing)
			f.policy(t, "defaults: {connect_timeout: soon}\n")
			return func() {
				f.deregister(t, "payments-odd")
				f.policy(t, "defaults: {connect_timeout: 2s}\n")
			}
		}},
		{from: 0.22, to: 0.32, boards: []string{"node"}, options: []string{"--var", "node=edge-13"}, begin: func(ctx context.Context, t *testing.T, f *fleet) func() {
			return f.stubborn(ctx, t, "edge-13", "payments")
		}},
		{from: 0.40, to: 0.50, begin: func(ctx context.Context, t *testing.T, f *fleet) func() {
			f.quiet = true
			must(t, f.consul.Kill())
			return func() {
				must(t, f.consul.Start(ctx))
				f.quiet = false
			}
		}},
		{from: 0.62, to: 0.62, begin: func(ctx context.Context, t *testing.T, f *fleet) func() {
			must(t, f.legates[1].Stop(time.Minute))
			must(t, f.legates[1].Launch())
			must(t, f.legates[1].AwaitReady(ctx, time.Minute))
			return func() {}
		}},
		{from: 0.70, to: 0.80, boards: []string{"fleet", "consul", "services", "capacity"}, begin: func(_ context.Context, t *testing.T, f *fleet) func() {
			f.quiet = true
			f.each(func(service, id string, _ int) {
				if service > "d" {
					f.deregister(t, id)
				}
			})
			return func() {
				f.each(func(service, id string, port int) { f.register(t, service, id, port, api.HealthPassing) })
				f.quiet, f.away = false, map[string]bool{}
			}
		}},
	}
}

// live lets services change, all the time, and the scenes happen in between.
func (f *fleet) live(ctx context.Context, t *testing.T) {
	began := time.Now()
	type cue struct {
		at time.Duration
		do func()
	}
	var cues []cue
	for _, s := range scenes() {
		var end func()
		at := func(part float64) time.Duration { return time.Duration(part * float64(*length)) }
		cues = append(cues, cue{at(s.from), func() { end = s.begin(ctx, t, f) }}, cue{at(s.to), func() {
			f.draw(t, time.Since(began), s)
			end()
		}})
	}
	random := rand.New(rand.NewPCG(1, 2))
	for time.Since(began) < *length {
		for len(cues) > 0 && time.Since(began) >= cues[0].at {
			t.Logf("%v", time.Since(began).Round(time.Second))
			cues[0].do()
			cues = cues[1:]
		}
		f.change(t, random)
		time.Sleep(time.Duration(random.ExpFloat64() * 8 * float64(time.Second)))
	}
}

// draw draws dashboards as they are now, of so much time.
func (f *fleet) draw(t *testing.T, of time.Duration, s scene) {
	t.Helper()
	if len(s.boards) == 0 {
		return
	}
	args := append([]string{"draw.mjs", "--prometheus", "http://" + f.prometheus.Addr, "--out", *pictures, "--minutes", fmt.Sprint(of.Minutes())}, s.options...)
	for _, name := range s.boards {
		args = append(args, filepath.Join("..", "..", live.Folder, "legate-"+name+".json"))
	}
	cmd := exec.CommandContext(t.Context(), "node", args...)
	cmd.Dir = filepath.Join(checkout, "tools", "draw")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	must(t, err)
}

// The dashboards of examples/grafana, as they look in the story.
func TestPictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("no -pictures FOLDER")
	}
	f := newFleet(t)
	t.Logf("Prometheus is at http://%s", f.prometheus.Addr)
	f.live(t.Context(), t)
}
