package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"legate/internal/parts"
)

// cases in order.
var cases = []struct {
	name, what string
	run        func(context.Context, *stage) error
}{
	{"C1", "HTTPS, 10 changes/s: from the write to Consul to the response on the wire; C3: what it costs Consul; C8: what it costs Legate", freshness},
	{"C2", "HTTPS, 10,000 services with 8 instances each: cold start to the complete snapshot", coldStart},
	{"C4", "plain HTTP, Consul's default limit of 200 connections", fewConnections},
	{"C5", "500 registrations of one service in a second", burst},
	{"C6", "Consul stopped for 30 s and started again", outage},
	{"C7", "a check's output changes every second", output},
	{"D1", "HTTPS, 10,000 services with 8 instances each: in one datacenter, and a third in each of three", threeColdStarts},
	{"D2", "HTTPS, three datacenters of 1,000 services: changes in dc2; what they cost; changes in dc1 and dc3 while dc2 is frozen", threeFresh},
	{"F", "HTTPS, Legates beside each other that want 20 services each: what they cost a Consul server and the client agent that they ask, with --follow all and wanted", following},
}

// baseline measures what Consul uses for the load while nobody watches, and when idle.
func (s *stage) baseline(ctx context.Context, flips *flipper) (busy, idle float64, err error) {
	pid := []int{s.consul.PID()}
	if err := sleep(ctx, 3*time.Second); err != nil {
		return 0, 0, err
	}
	at, err := spent(pid, func() error { return sleep(ctx, s.span/2) })
	if err != nil {
		return 0, 0, err
	}
	under, err := spent(pid, func() error {
		return load(ctx, s.writer, s.span, 10, func(int) change { return flips.change(rand.IntN(s.services)) })
	})
	if err != nil {
		return 0, 0, err
	}
	return under[0], at[0], nil
}

func freshness(ctx context.Context, s *stage) error {
	if err := s.startConsul(ctx, parts.ConsulOptions{HTTPS: true}, s.services, instances); err != nil {
		return err
	}
	flips := &flipper{}
	base, idle, err := s.baseline(ctx, flips)
	if err != nil {
		return err
	}
	cold, err := s.startLegate(ctx, s.https()...)
	if err != nil {
		return err
	}
	if err := s.subscribe(ctx, s.services); err != nil {
		return err
	}
	pids := []int{s.consul.PID(), s.legate.PID()}
	if err := sleep(ctx, 5*time.Second); err != nil {
		return err
	}
	quiet, err := spent(pids, func() error { return sleep(ctx, s.span) })
	if err != nil {
		return err
	}
	var took []time.Duration
	busy, err := spent(pids, func() (err error) {
		took, err = s.measured(ctx, s.span, 10, 10*time.Second, func(n int) change { return flips.change(rand.IntN(s.services)) })
		return err
	})
	if err != nil {
		return err
	}
	rss, err := resident(s.legate.PID())
	if err != nil {
		return err
	}
	st, err := s.status(ctx)
	if err != nil {
		return err
	}
	p50, p99 := quantile(took, .5), quantile(took, .99)
	fmt.Printf("    %d changes, %s mode, %d connections\n", len(took), st.Mode, st.Connections)
	goal("C1 p50", ms(p50), p50 <= 10*time.Millisecond, "10 ms")
	goal("C1 p99", ms(p99), p99 <= 50*time.Millisecond, "50 ms")
	goal("C3 Consul's CPU, to that without a watcher ("+percent(base)+")", fmt.Sprintf("%.2f x", busy[0]/base), busy[0] <= 2.5*base, "2.5 x")
	goal("C3 Consul's CPU at rest, above that without a watcher", percent(quiet[0]-idle), quiet[0]-idle <= .01, "1 %")
	goal("C8 Legate's CPU", percent(busy[1]), busy[1] <= .05, "5 %")
	goal("C8 Legate's CPU at rest", percent(quiet[1]), true, "-")
	goal("C8 Legate's RSS", fmt.Sprintf("%d MB", rss>>20), rss <= 80<<20, "80 MB")
	fmt.Printf("    the cold start took %v\n", s.cold)
	goal("C8 cold start", fmt.Sprintf("%.2f s", cold.Seconds()), cold <= 2*time.Second, "2 s")
	return nil
}

func coldStart(ctx context.Context, s *stage) error {
	rss, err := s.allInOne(ctx)
	fmt.Printf("    Legate's RSS %d MB\n", rss>>20)
	return err
}

// manyInstances is the number of instances of each of many services.
const manyInstances = 8

// allInOne measures the cold start with many services in one datacenter, and returns Legate's resident memory.
func (s *stage) allInOne(ctx context.Context) (rss int, err error) {
	if err := s.startConsul(ctx, parts.ConsulOptions{HTTPS: true}, s.many, manyInstances); err != nil {
		return 0, err
	}
	if err := sleep(ctx, 3*time.Second); err != nil {
		return 0, err
	}
	if err := s.floor(ctx, s.own()); err != nil {
		return 0, err
	}
	took, err := s.startLegate(ctx, s.https()...)
	if err != nil {
		return 0, err
	}
	if err := sleep(ctx, 8*time.Second); err != nil { // meanwhile the blocking queries are opened
		return 0, err
	}
	st, err := s.status(ctx)
	if err != nil {
		return 0, err
	}
	goal("C2 cold start", fmt.Sprintf("%.1f s", took.Seconds()), took <= 8*time.Second, "8 s")
	fmt.Printf("    it took %v: on two cores of their own that lasts half as long at least\n", s.cold)
	goal("C2 connections", fmt.Sprint(st.Connections), st.Connections <= 60, "60")
	return resident(s.legate.PID())
}

func burst(ctx context.Context, s *stage) error {
	if err := s.startConsul(ctx, parts.ConsulOptions{HTTPS: true}, s.services, instances); err != nil {
		return err
	}
	if _, err := s.startLegate(ctx, s.https()...); err != nil {
		return err
	}
	if err := s.subscribe(ctx, s.services); err != nil {
		return err
	}
	was, _, err := s.envoy.of(serviceName(0))
	if err != nil {
		return err
	}
	began := time.Now()
	if err := paced(ctx, time.Second, 500, func(n int) error { return s.writer.set(ctx, instance{service: 0, n: instances + n}) }); err != nil {
		return err
	}
	end := time.Now()
	if err := sleep(ctx, 3*time.Second); err != nil {
		return err
	}
	is, _, err := s.envoy.of(serviceName(0))
	if err != nil {
		return err
	}
	fmt.Printf("    written in %.2f s\n", end.Sub(began).Seconds())
	goal("C5 pushes", fmt.Sprint(is.times-was.times), is.times-was.times <= 25, "25")
	goal("C5 last push after the last write", ms(is.last.Sub(end)), is.last.Sub(end) <= time.Second, "1 s")
	return nil
}

func output(ctx context.Context, s *stage) error {
	if err := s.startConsul(ctx, parts.ConsulOptions{HTTPS: true}, s.services, instances); err != nil {
		return err
	}
	if _, err := s.startLegate(ctx, s.https()...); err != nil {
		return err
	}
	if err := s.subscribe(ctx, s.services); err != nil {
		return err
	}
	if err := sleep(ctx, 3*time.Second); err != nil {
		return err
	}
	was, _, err := s.envoy.of(serviceName(1))
	if err != nil {
		return err
	}
	used, err := spent([]int{s.legate.PID()}, func() error {
		return paced(ctx, s.span, 1, func(n int) error {
			return s.writer.set(ctx, instance{service: 1, n: 1, output: fmt.Sprint("load ", n)})
		})
	})
	if err != nil {
		return err
	}
	is, _, err := s.envoy.of(serviceName(1))
	if err != nil {
		return err
	}
	goal("C7 pushes", fmt.Sprint(is.times-was.times), is.times == was.times, "0")
	goal("C7 Legate's CPU", percent(used[0]), used[0] <= .01, "1 %")
	return nil
}
