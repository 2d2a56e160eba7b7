package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"legate/internal/parts"
	"legate/translate"
)

// wants is how many services the client of each Legate asks for.
const wants = 20

// following measures what Legates beside each other cost Consul: a server, and a client agent that all of them ask.
func following(ctx context.Context, s *stage) error {
	if err := s.startConsul(ctx, parts.ConsulOptions{}, s.services, 2); err != nil {
		return err
	}
	fmt.Println("    | --follow | Legates | agent: goroutines | memory | CPU at rest | at 10 changes/s | server: goroutines | memory | CPU at rest | at 10 changes/s | one Legate's memory | first answer p50 | p99 |")
	fmt.Println("    |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
	for _, n := range []int{0, 1, 10, 30} {
		for _, which := range []string{"all", "wanted"} {
			if n == 0 && which == "all" {
				continue // without Legates it is all the same
			}
			if err := s.follow(ctx, which, n); err != nil {
				return fmt.Errorf("%d with --follow %s: %w", n, which, err)
			}
		}
	}
	return nil
}

// follow measures so many Legates, over an agent of their own.
func (s *stage) follow(ctx context.Context, which string, legates int) (err error) {
	agent, err := parts.StartConsul(ctx, parts.ConsulOptions{Path: s.path, ClientOf: s.consul, Node: fmt.Sprintf("agent-%s-%d", which, legates), HTTPS: true})
	if err != nil {
		return err
	}
	all := make([]*stage, legates)
	defer func() {
		for _, one := range all {
			if one != nil {
				err = errors.Join(err, one.stopLegate())
			}
		}
		err = errors.Join(err, agent.Close())
	}()
	var first []time.Duration
	for i := range all {
		all[i] = &stage{options: s.options, consul: agent, starts: i}
		if _, err := all[i].startLegate(ctx, append(all[i].https(), "--follow", which)...); err != nil {
			return err
		}
		took, err := all[i].wantSome(ctx)
		if err != nil {
			return err
		}
		first = append(first, took...)
	}
	if err := sleep(ctx, 10*time.Second); err != nil { // until all queries wait
		return err
	}
	pids := []int{agent.PID(), s.consul.PID()}
	rest, err := spent(pids, func() error { return sleep(ctx, s.span) })
	if err != nil {
		return err
	}
	flips := &flipper{}
	busy, err := spent(pids, func() error {
		return load(ctx, s.writer, s.span, 10, func(int) change { return flips.change(rand.IntN(s.services)) })
	})
	if err != nil {
		return err
	}
	line := fmt.Sprintf("    | %s | %d |", which, legates)
	for i, one := range []*parts.Consul{agent, s.consul} {
		goroutines, err1 := goroutines(ctx, one)
		rss, err2 := resident(one.PID())
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		line += fmt.Sprintf(" %d | %d MB | %s | %s |", goroutines, rss>>20, percent(rest[i]), percent(busy[i]))
	}
	if legates == 0 {
		fmt.Println(line + " | | |")
		return nil
	}
	own, err := resident(all[0].legate.PID())
	if err != nil {
		return err
	}
	fmt.Printf("%s %d MB | %s | %s |\n", line, own>>20, ms(quantile(first, .5)), ms(quantile(first, .99)))
	return nil
}

// wantSome asks for the endpoints of some services, one after the other, and returns how long each answer took.
func (s *stage) wantSome(ctx context.Context) (took []time.Duration, err error) {
	if s.envoy, err = openStream(ctx, s.xds); err != nil {
		return nil, err
	}
	for _, n := range rand.Perm(s.services)[:wants] {
		began := time.Now()
		if err := s.envoy.ask(translate.AssignmentType, serviceName(n)); err != nil {
			return nil, err
		}
		at, err := s.envoy.after(ctx, serviceName(n), 0, time.Minute)
		if err != nil {
			return nil, err
		}
		took = append(took, at.Sub(began))
	}
	return took, nil
}

// goroutines is how many an agent has.
func goroutines(ctx context.Context, c *parts.Consul) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL()+"/v1/agent/metrics", nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	var all struct {
		Gauges []struct {
			Name  string
			Value float64
		}
	}
	if err := json.Unmarshal(body, &all); err != nil {
		return 0, fmt.Errorf("read the agent's metrics: %w", err)
	}
	for _, g := range all.Gauges {
		if strings.HasSuffix(g.Name, ".runtime.num_goroutines") { // the name of the host may stand before that
			return int(g.Value), nil
		}
	}
	return 0, errors.New("the agent has no metric of its goroutines yet")
}
