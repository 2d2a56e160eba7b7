package demo

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/hashicorp/consul/api"
)

// chapter shows one of Legate's promises.
type chapter struct {
	title string
	tell  func(context.Context, *stage, *page) error
}

// chapters are the story in order: each starts in the state in which the one before it ended.
var chapters = [...]chapter{
	{"Traffic is spread by weight", spreadByWeight},
	{"A new instance takes traffic", newInstance},
	{"A critical instance loses it", goesCritical},
	{"An instance in maintenance drains", drains},
	{"A service is removed, and comes back", serviceRemoved},
	{"Consul goes away, traffic stays", consulRestarts},
	{"Legate is killed, traffic stays", legateKilled},
}

func spreadByWeight(ctx context.Context, s *stage, p *page) error {
	const requests = 1000
	weights := make(map[string]int)
	var sum int
	web := samples()[0]
	for i, w := range web.weights {
		weights[fmt.Sprintf("%s-%d", web.name, i+1)] = w
		sum += w
	}
	p.step("%s requests to %s through Envoy", thousands(requests), web.name)
	began := time.Now()
	answers := make(map[string]int)
	for range requests {
		answers[s.traffic.ask(web.name)]++
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	p.done(time.Since(began))
	for i := range web.weights {
		name := fmt.Sprintf("%s-%d", web.name, i+1)
		p.share(name, float64(answers[name])/requests, fmt.Sprintf("weight %d", weights[name]))
	}
	for name, w := range weights {
		// Envoy's round robin is exact, but the steady traffic takes some turns in between.
		got, want := float64(answers[name])/requests, float64(w)/float64(sum)
		if math.Abs(got-want) > 0.03 {
			return fmt.Errorf("%s had %.1f %% of the traffic, its weight is %.1f %%", name, got*100, want*100)
		}
	}
	return s.traffic.flawless()
}

func newInstance(ctx context.Context, s *stage, p *page) error {
	if err := joins(ctx, s, p, "web", "web-4"); err != nil {
		return err
	}
	return s.traffic.flawless()
}

// joins registers one more instance and waits for its first request.
func joins(ctx context.Context, s *stage, p *page, service, name string) error {
	p.step("%s registered: its first request after", name)
	began := time.Now()
	if err := s.add(ctx, service, name, 3); err != nil {
		return err
	}
	took, err := s.traffic.awaitUsed(ctx, name, began)
	if err != nil {
		return err
	}
	p.done(took)
	return nil
}

func goesCritical(ctx context.Context, s *stage, p *page) error {
	p.step("api-2 goes critical: no more requests after")
	began := time.Now()
	if err := s.consul.SetHealth(ctx, "api-2", api.HealthCritical); err != nil {
		return err
	}
	took, err := s.leftAlone(ctx, "api", "api-2", "UNHEALTHY", began)
	if err != nil {
		return err
	}
	p.done(took)

	p.step("api-2 passes again: its first request after")
	s.traffic.forget("api-2")
	began = time.Now()
	if err := s.consul.SetHealth(ctx, "api-2", api.HealthPassing); err != nil {
		return err
	}
	if took, err = s.traffic.awaitUsed(ctx, "api-2", began); err != nil {
		return err
	}
	p.done(took)
	return s.traffic.flawless()
}

func drains(ctx context.Context, s *stage, p *page) error {
	// Enough slow requests at once that each of the three instances gets some.
	const slow, takes = 9, 2 * time.Second
	answers := s.traffic.askSlowly("api", slow, takes)
	if err := sleep(ctx, takes/20); err != nil {
		return err
	}
	p.step("api-3 in maintenance: no new requests after")
	began := time.Now()
	if err := s.consul.SetMaintenance(ctx, "api-3", true); err != nil {
		return err
	}
	took, err := s.leftAlone(ctx, "api", "api-3", "DRAINING", began)
	if err != nil {
		return err
	}
	p.done(took)

	p.step("the requests that were running there are answered")
	var finished int
	for range slow {
		a := <-answers
		if a.err != nil {
			return fmt.Errorf("a running request was cut off: %w", a.err)
		}
		if a.from == "api-3" && a.at.After(began.Add(took)) {
			finished++
		}
	}
	if finished == 0 {
		return errors.New("no slow request was running on api-3: nothing was shown")
	}
	p.told(fmt.Sprintf("the %d requests that were running there are answered", finished), time.Since(began))

	p.step("api-3 out of maintenance: its first request after")
	s.traffic.forget("api-3")
	began = time.Now()
	if err := s.consul.SetMaintenance(ctx, "api-3", false); err != nil {
		return err
	}
	if took, err = s.traffic.awaitUsed(ctx, "api-3", began); err != nil {
		return err
	}
	p.done(took)
	return s.traffic.flawless()
}

func serviceRemoved(ctx context.Context, s *stage, p *page) error {
	s.traffic.leave("news")
	p.step("news-1, news-2 deregistered: looked at twice, 503 after")
	began := time.Now()
	for _, name := range []string{"news-1", "news-2"} {
		if err := s.consul.Deregister(ctx, name); err != nil {
			return err
		}
	}
	var name string
	var err error
	waited := wait(ctx, timeout, func() bool {
		name, err = s.traffic.request(ctx, "news", "/")
		status := statusError{}
		return errors.As(err, &status) && status.code == http.StatusServiceUnavailable
	})
	if waited != nil {
		return fmt.Errorf("news answers %q: %w", name, errors.Join(err, waited))
	}
	p.done(time.Since(began))

	p.step("Legate is sure, and Envoy has dropped the cluster after")
	if err := wait(ctx, timeout, func() bool { return !s.hasCluster(ctx, "news") }); err != nil {
		return fmt.Errorf("envoy still has the cluster: %w", err)
	}
	p.done(time.Since(began))

	p.step("news-1 registered again: its first answer after")
	began = time.Now()
	if err := s.add(ctx, "news", "news-1", 1); err != nil {
		return err
	}
	waited = wait(ctx, timeout, func() bool {
		name, err = s.traffic.request(ctx, "news", "/")
		return err == nil
	})
	if waited != nil {
		return fmt.Errorf("news does not answer: %w: %w", waited, err)
	}
	p.done(time.Since(began))
	s.traffic.visit("news")
	return s.traffic.flawless()
}
