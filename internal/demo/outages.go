package demo

import (
	"context"
	"errors"
	"fmt"
	"time"
)

func consulRestarts(ctx context.Context, s *stage, p *page) error {
	const away = 3 * time.Second
	p.step("Consul stopped")
	began := time.Now()
	if err := s.consul.Stop(); err != nil {
		return err
	}
	p.done(time.Since(began))
	if err := without(ctx, s, p, "Consul", away); err != nil {
		return err
	}

	p.step("Consul started again, with its data directory")
	began = time.Now()
	if err := s.consul.Start(ctx); err != nil {
		return err
	}
	p.done(time.Since(began))
	if err := joins(ctx, s, p, "web", "web-5"); err != nil {
		return err
	}
	if err := allServe(ctx, s, p); err != nil {
		return err
	}
	return s.traffic.flawless()
}

func legateKilled(ctx context.Context, s *stage, p *page) error {
	const away = 2 * time.Second
	built, err := clustersBuilt(ctx, s)
	if err != nil {
		return err
	}
	p.step("Legate killed with SIGKILL")
	began := time.Now()
	if err := s.legate.Kill(); err != nil {
		return err
	}
	p.done(time.Since(began))
	if err := without(ctx, s, p, "Legate", away); err != nil {
		return err
	}

	p.step("Legate started again, ready")
	began = time.Now()
	if err := s.startLegate(ctx); err != nil {
		return err
	}
	p.done(time.Since(began))

	p.step("Envoy has found it again after")
	if err := wait(ctx, 2*timeout, func() bool { return connected(ctx, s) }); err != nil {
		return fmt.Errorf("envoy is not connected to legate: %w", err)
	}
	p.done(time.Since(began))

	p.step("web-5 deregistered: no more requests after")
	began = time.Now()
	if err := s.consul.Deregister(ctx, "web-5"); err != nil {
		return err
	}
	took, err := s.leftAlone(ctx, "web", "web-5", gone, began)
	if err != nil {
		return err
	}
	p.done(took)

	began = time.Now()
	p.step("Envoy has rebuilt none of its clusters")
	now, err := clustersBuilt(ctx, s)
	if err != nil {
		return err
	}
	if now != built {
		return fmt.Errorf("it has built %d clusters since", now-built)
	}
	p.done(time.Since(began))
	return s.traffic.flawless()
}

// without sends traffic for a while without one of the programs.
func without(ctx context.Context, s *stage, p *page, what string, long time.Duration) error {
	p.step("traffic without %s", what)
	began := time.Now()
	sentBefore, failedBefore := s.traffic.totals()
	if err := sleep(ctx, long); err != nil {
		return err
	}
	sent, failed := s.traffic.totals()
	sent, failed = sent-sentBefore, failed-failedBefore
	if sent == 0 {
		return errors.New("no request was answered at all")
	}
	p.told(fmt.Sprintf("without %s: %s requests, %d failed", what, thousands(sent), failed), time.Since(began))
	return s.traffic.flawless()
}

// allServe waits until every registered instance has answered a request that was sent after the
// call.
func allServe(ctx context.Context, s *stage, p *page) error {
	p.step("every instance still has its traffic")
	began := time.Now()
	names := []string{"web-1", "web-2", "web-3", "web-4", "web-5", "api-1", "api-2", "api-3", "news-1"}
	for _, name := range names {
		if err := wait(ctx, timeout, func() bool { return s.traffic.saw(name).last.After(began) }); err != nil {
			return fmt.Errorf("no request reaches %s any more: %w", name, err)
		}
	}
	p.done(time.Since(began))
	return nil
}
