package main

import (
	"context"
	"fmt"
	"time"

	"legate/internal/parts"
)

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
	if err := sleep(ctx, 30*time.Second); err != nil {
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
