package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"legate/internal/parts"
)

func fewConnections(ctx context.Context, s *stage) error {
	if err := s.startConsul(ctx, parts.ConsulOptions{HTTPS: true}, s.services, instances); err != nil {
		return err
	}
	flips := &flipper{}
	// Case C3 measured on this machine, for comparison.
	if _, err := s.startLegate(ctx, s.https()...); err != nil {
		return err
	}
	if err := sleep(ctx, 5*time.Second); err != nil {
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
	if err := sleep(ctx, 32*time.Second); err != nil {
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
