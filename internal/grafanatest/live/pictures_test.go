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

// The pictures in docs are taken by make pictures, after a story at the pace of the world: an hour, or as long as
// -story says.
var (
	pictures = flag.String("pictures", "", "a folder, to draw the dashboards into")
	length   = flag.Duration("story", time.Hour, "how long the story takes that the dashboards show")
)

// scene is something that happens in the story, from one moment to another; both are parts of its length.
type scene struct {
	from, to float64
	begin    func(ctx context.Context, t *testing.T, f *fleet) (end func())
}

func scenes() []scene {
	return []scene{
		{0.10, 0.16, func(_ context.Context, t *testing.T, f *fleet) func() {
			f.register(t, "payments", "payments-odd", 0, api.HealthPassing)
			f.policy(t, "defaults: {connect_timeout: soon}\n")
			return func() {
				f.deregister(t, "payments-odd")
				f.policy(t, "defaults: {connect_timeout: 2s}\n")
			}
		}},
		{0.22, 0.32, func(ctx context.Context, t *testing.T, f *fleet) func() {
			return f.stubborn(ctx, t, "edge-13", "payments")
		}},
		{0.40, 0.50, func(ctx context.Context, t *testing.T, f *fleet) func() {
			f.quiet = true
			must(t, f.consul.Kill())
			return func() {
				must(t, f.consul.Start(ctx))
				f.quiet = false
			}
		}},
		{0.62, 0.62, func(ctx context.Context, t *testing.T, f *fleet) func() {
			must(t, f.legates[1].Stop(time.Minute))
			must(t, f.legates[1].Launch())
			must(t, f.legates[1].AwaitReady(ctx, time.Minute))
			return func() {}
		}},
		{0.70, 0.80, func(_ context.Context, t *testing.T, f *fleet) func() {
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
	type cue struct {
		at time.Duration
		do func()
	}
	var cues []cue
	for _, s := range scenes() {
		var end func()
		at := func(part float64) time.Duration { return time.Duration(part * float64(*length)) }
		cues = append(cues, cue{at(s.from), func() { end = s.begin(ctx, t, f) }}, cue{at(s.to), func() { end() }})
	}
	random, began := rand.New(rand.NewPCG(1, 2)), time.Now()
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

// The dashboards of examples/grafana, as they look after the story.
func TestPictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("no -pictures FOLDER")
	}
	f := newFleet(t)
	t.Logf("Prometheus is at http://%s", f.prometheus.Addr)
	f.live(t.Context(), t)
	boards, err := filepath.Glob(filepath.Join(checkout, live.Folder, "*.json"))
	must(t, err)
	for i := range boards {
		boards[i], err = filepath.Abs(boards[i])
		must(t, err)
	}
	cmd := exec.CommandContext(t.Context(), "node", append([]string{"draw.mjs", "--prometheus", "http://" + f.prometheus.Addr, "--out", *pictures,
		"--minutes", fmt.Sprint(length.Minutes())}, boards...)...)
	cmd.Dir = filepath.Join(checkout, "tools", "draw")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	must(t, err)
}
