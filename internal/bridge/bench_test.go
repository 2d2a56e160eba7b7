package bridge

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"legate/discovery/catalog"
	"legate/translate"
	"legate/xdsserver"
)

// arrivals notes how long after Consul's answer single changes were published. Bits of a rollout have no answer.
type arrivals struct {
	mu   sync.Mutex
	took []time.Duration
}

func (a *arrivals) Publish(_ xdsserver.View, b translate.Batch) {
	if !b.Since.IsZero() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.took = append(a.took, time.Since(b.Since))
	}
}

func (a *arrivals) Votes(xdsserver.View, []translate.Name) (none xdsserver.Votes) { return none }

// BenchmarkSingleChangesWhileADefaultGoesOut turns an instance critical and back, every 5 ms, while a new default
// goes out over 10,000 services: as fast as it can, and over time. It reports how long the changes take until they are
// published, and how long it took until the new default was everywhere.
func BenchmarkSingleChangesWhileADefaultGoesOut(b *testing.B) {
	const services = 10_000
	for _, over := range []time.Duration{0, 5 * time.Second} {
		b.Run(over.String(), func(b *testing.B) {
			var took []time.Duration
			var whole time.Duration
			for n := 0; b.Loop(); n++ {
				one, all := goesOut(b, services, over)
				took, whole = append(took, one...), whole+all
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2])/1e6, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100])/1e6, "p99-ms")
			b.ReportMetric(float64(took[len(took)-1])/1e6, "max-ms")
			b.ReportMetric(whole.Seconds()/float64(b.N), "whole-s")
		})
	}
}

func goesOut(b *testing.B, services int, over time.Duration) (took []time.Duration, whole time.Duration) {
	var first catalog.Delta
	for i := range services {
		s := service(fmt.Sprintf("s%05d", i), 80)
		for n := range 7 {
			more := s.Instances[0]
			more.ID, more.Port = fmt.Sprint(s.Key.Name, "-", n+2), 81+n
			s.Instances = append(s.Instances, more)
		}
		first.Set = append(first.Set, s)
	}
	published, deltas, ended := &arrivals{}, make(chan catalog.Delta), make(chan error)
	c := New(translate.DefaultConfig(), func() string { return "dc1" }, published, slog.New(slog.NewTextHandler(io.Discard, nil)), nil)
	c.Spread(over)
	ctx, cancel := context.WithCancel(b.Context())
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	}()
	go func() { ended <- c.Run(ctx, deltas) }()
	deltas <- first
	c.Alive(ctx)
	c.Adopt(under(b, "defaults: {connect_timeout: 2s}"))
	began := time.Now()
	for !c.State().Resources.AnyBehind() {
		time.Sleep(time.Millisecond) // it is not taken in yet
	}
	for n := 0; c.State().Resources.AnyBehind(); n++ {
		s := first.Set[services/2]
		s.Instances = slices.Clone(s.Instances)
		s.Instances[n%8].Health = catalog.Critical
		deltas <- catalog.Delta{Set: []catalog.Service{s}, Since: time.Now()} // it is taken in when the one before is done with
		time.Sleep(5 * time.Millisecond)
	}
	whole = time.Since(began)
	published.mu.Lock()
	defer published.mu.Unlock()
	return published.took, whole
}
