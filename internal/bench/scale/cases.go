package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
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
}

// baseline measures what Consul uses for the load while nobody watches, and when idle.
func (s *stage) baseline(ctx context.Context, flips *flipper) (busy, idle float64, err error) {
	pid := []int{s.consul.PID()}
	if err := rest(ctx, 3*time.Second); err != nil {
		return 0, 0, err
	}
	at, err := spent(pid, func() error { return rest(ctx, s.span/2) })
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
	coldCPU := s.cpu
	if err := s.subscribe(ctx, s.services); err != nil {
		return err
	}
	pids := []int{s.consul.PID(), s.legate.PID()}
	if err := rest(ctx, 5*time.Second); err != nil {
		return err
	}
	quiet, err := spent(pids, func() error { return rest(ctx, s.span) })
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
	fmt.Printf("    CPU of Consul and Legate for the cold start %.2f s\n", coldCPU.Seconds())
	goal("C8 cold start", fmt.Sprintf("%.2f s", cold.Seconds()), cold <= 2*time.Second, "2 s")
	return nil
}

func coldStart(ctx context.Context, s *stage) error {
	const services, each = 10_000, 8
	if err := s.startConsul(ctx, parts.ConsulOptions{HTTPS: true}, services, each); err != nil {
		return err
	}
	if err := rest(ctx, 3*time.Second); err != nil {
		return err
	}
	took, err := s.startLegate(ctx, s.https()...)
	if err != nil {
		return err
	}
	if err := rest(ctx, 8*time.Second); err != nil { // meanwhile the blocking queries are opened
		return err
	}
	st, err := s.status(ctx)
	if err != nil {
		return err
	}
	rss, err := resident(s.legate.PID())
	if err != nil {
		return err
	}
	goal("C2 cold start", fmt.Sprintf("%.1f s", took.Seconds()), took <= 8*time.Second, "8 s")
	fmt.Printf("    CPU of Consul and Legate for it %.1f s: on two cores of their own it takes half of that at least\n", s.cpu.Seconds())
	goal("C2 connections", fmt.Sprint(st.Connections), st.Connections <= 60, "60")
	fmt.Printf("    Legate's RSS %d MB\n", rss>>20)
	return nil
}

func fewConnections(ctx context.Context, s *stage) error {
	if err := s.startConsul(ctx, parts.ConsulOptions{HTTPS: true}, s.services, instances); err != nil {
		return err
	}
	flips := &flipper{}
	// Case C3 measured on this machine, for comparison.
	if _, err := s.startLegate(ctx, s.https()...); err != nil {
		return err
	}
	if err := rest(ctx, 5*time.Second); err != nil {
		return err
	}
	over, err := spent([]int{s.consul.PID()}, func() error {
		return load(ctx, s.writer, s.span, 10, func(int) change { return flips.change(rand.IntN(s.services)) })
	})
	if err != nil {
		return err
	}
	if err := s.stopLegate(); err != nil {
		return err
	}

	if _, err := s.startLegate(ctx, "--consul-addr", s.consul.Addr); err != nil {
		return err
	}
	if err := s.subscribe(ctx, s.services); err != nil {
		return err
	}
	const hot = 40
	isHot := func(n int) int { return s.services - 1 - n%hot } // services without a blocking query at first
	fmt.Println("    warming: hot services change")
	if err := rest(ctx, 32*time.Second); err != nil {
		return err
	}
	if _, err := s.measured(ctx, 20*time.Second, 5, 40*time.Second, func(n int) change { return flips.change(isHot(n)) }); err != nil {
		return err
	}
	pids := []int{s.consul.PID(), s.legate.PID()}
	var hots, colds []time.Duration
	most := 0
	cold := rand.Perm(s.services - 2*hot)
	busy, err := spent(pids, func() error {
		colder := make(chan error, 1)
		go func() {
			var err error
			colds, err = s.measured(ctx, 2*s.span, 5, 40*time.Second, func(n int) change { return flips.change(cold[n%len(cold)]) })
			colder <- err
		}()
		cflips := &flipper{critical: map[int]bool{}}
		for n := range hot {
			cflips.critical[isHot(n)] = flips.critical[isHot(n)]
		}
		var err error
		hots, err = s.measured(ctx, 2*s.span, 5, 40*time.Second, func(n int) change {
			if n%10 == 0 {
				if st, err := s.status(ctx); err == nil {
					most = max(most, st.Connections)
				}
			}
			return cflips.change(isHot(n))
		})
		if e := <-colder; err == nil {
			err = e
		}
		return err
	})
	if err != nil {
		return err
	}
	other, err := s.neighbours(ctx, 100)
	if err != nil {
		return err
	}
	signalless, err := s.measured(ctx, 10*time.Second, 2, 40*time.Second, func(n int) change {
		i := instance{service: cold[len(cold)-1-n], n: 2, weight: 7}
		return change{i.service, func(ctx context.Context, w *writer) error { return w.set(ctx, i) }}
	})
	if err != nil {
		return err
	}
	st, err := s.status(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("    mode %s, %d direct, %d by signals; %d hot and %d other changes\n", st.Mode, st.Direct, st.Swept, len(hots), len(colds))
	goal("C4 connections at most", fmt.Sprint(most), most <= 100, "100")
	goal("C4 neighbours that are refused, of 95 on the same address", fmt.Sprint(other), other == 0, "0")
	p50 := quantile(hots, .5)
	goal("C4 hot p50", ms(p50), p50 <= 20*time.Millisecond, "20 ms")
	fmt.Printf("    hot p99 %s\n", ms(quantile(hots, .99)))
	p50, p99 := quantile(colds, .5), quantile(colds, .99)
	goal("C4 others p50", ms(p50), p50 <= time.Second, "1 s")
	goal("C4 others p99", ms(p99), p99 <= 3*time.Second, "3 s")
	last := quantile(signalless, 1)
	goal("C4 weights, slowest of "+fmt.Sprint(len(signalless)), ms(last), last <= 30*time.Second, "30 s")
	goal("C4 Consul's CPU, to that over HTTPS ("+percent(over[0])+")", fmt.Sprintf("%.2f x", busy[0]/over[0]), busy[0] <= 2*over[0], "2 x")
	fmt.Printf("    Legate's CPU %s\n", percent(busy[1]))
	return nil
}

// neighbours opens that many connections from the same address, less the writer's, and counts those
// that Consul refuses.
func (s *stage) neighbours(ctx context.Context, n int) (refused int, err error) {
	answers := make(chan int, n)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for range n - 5 {
		go func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.consul.URL()+"/v1/kv/nothing?index=1&wait=2s", nil)
			if err != nil {
				answers <- 0
				return
			}
			resp, err := client.Do(req)
			if err != nil {
				answers <- 0
				return
			}
			resp.Body.Close()
			answers <- resp.StatusCode
		}()
	}
	for range n - 5 {
		if code := <-answers; code == http.StatusTooManyRequests || code == 0 {
			refused++
		}
	}
	return refused, nil
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
	if err := rest(ctx, 3*time.Second); err != nil {
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

func outage(ctx context.Context, s *stage) error {
	if err := s.startConsul(ctx, parts.ConsulOptions{HTTPS: true, Persistent: true}, s.services, instances); err != nil {
		return err
	}
	if _, err := s.startLegate(ctx, s.https()...); err != nil {
		return err
	}
	if err := s.subscribe(ctx, s.services); err != nil {
		return err
	}
	if err := s.consul.Stop(); err != nil {
		return err
	}
	if err := rest(ctx, 30*time.Second); err != nil {
		return err
	}
	if err := s.consul.Start(ctx); err != nil { // returns when the catalog answers
		return err
	}
	answers := time.Now()
	pids := []int{s.consul.PID(), s.legate.PID()}
	var before time.Duration
	for _, pid := range pids {
		used, err := cpu(pid)
		if err != nil {
			return err
		}
		before += used
	}
	was, _, err := s.envoy.of(serviceName(s.services / 2))
	if err != nil {
		return err
	}
	if err := s.writer.set(ctx, instance{service: s.services / 2, n: instances}); err != nil {
		return err
	}
	at, err := s.envoy.after(ctx, serviceName(s.services/2), was.times, time.Minute)
	if err != nil {
		return err
	}
	most := 0
	var st status
	for !st.Connected {
		if st, err = s.status(ctx); err != nil {
			return err
		}
		most = max(most, st.Connections)
	}
	all := time.Since(answers)
	used := -before
	for _, pid := range pids {
		now, err := cpu(pid)
		if err != nil {
			return err
		}
		used += now
	}
	fmt.Printf("    CPU of Consul and Legate for it %.2f s\n", used.Seconds())
	goal("C6 a change that is made when Consul answers is seen after", ms(at.Sub(answers)), at.Sub(answers) <= time.Second, "1 s")
	goal("C6 all watches are back after", ms(all), all <= time.Second, "1 s")
	goal("C6 connections at most", fmt.Sprint(most), most <= 10, "10")
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
	if err := rest(ctx, 3*time.Second); err != nil {
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
