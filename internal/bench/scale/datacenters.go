package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"legate/internal/parts"
	"legate/internal/parts/pinned"
)

// place is where services are, and what the names of their clusters end with.
type place struct {
	consul *parts.Consul
	writer *writer
	suffix string
}

func (s *stage) own() place { return place{s.consul, s.writer, ""} }

// startWide starts three datacenters and fills them. Legate's agent is in the first.
func (s *stage) startWide(ctx context.Context, services, each int) (places []place, err error) {
	path, err := pinned.Consul(ctx, os.Stderr)
	if err != nil {
		return nil, err
	}
	if s.wide, err = parts.StartFederation(ctx, parts.FederationOptions{Consul: parts.ConsulOptions{Path: path, HTTPS: true}}); err != nil {
		return nil, err
	}
	s.consul = s.wide.Consuls[0]
	s.writer = newWriter(s.consul.URL())
	places = []place{s.own()}
	for _, c := range s.wide.Consuls[1:] {
		places = append(places, place{c, newWriter(c.URL()), "." + c.Datacenter})
	}
	began := time.Now()
	errs := make([]error, len(places))
	var filling sync.WaitGroup
	for i, p := range places {
		filling.Go(func() { errs[i] = p.writer.fill(ctx, services, each) })
	}
	filling.Wait()
	fmt.Printf("    3 x %d services, %d instances written in %.1f s\n", services, 3*services*each, time.Since(began).Seconds())
	return places, errors.Join(errs...)
}

// wideArgs are Legate's arguments to serve all datacenters.
func (s *stage) wideArgs() []string {
	return append(s.https(), "--datacenters", "dc2", "--datacenters", "dc3")
}

// threeColdStarts compares three datacenters with one of as many services.
func threeColdStarts(ctx context.Context, s *stage) error {
	one := &stage{options: s.options}
	alone, err := one.allInOne(ctx)
	one.close()
	if err != nil {
		return err
	}
	services := s.many / 3
	places, err := s.startWide(ctx, services, manyInstances)
	if err != nil {
		return err
	}
	if err := sleep(ctx, 3*time.Second); err != nil {
		return err
	}
	if err := s.floor(ctx, places...); err != nil {
		return err
	}
	began := time.Now()
	ready, err := s.startLegate(ctx, s.wideArgs()...)
	if err != nil {
		return err
	}
	for {
		n, err := s.catalogued(ctx)
		if err != nil {
			return err
		}
		if n >= 3*services {
			break
		}
		if time.Since(began) > 2*time.Minute {
			return fmt.Errorf("%d of %d services after %v", n, 3*services, time.Since(began))
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil { // asking costs Legate, too
			return err
		}
	}
	took := time.Since(began)
	all, err := s.cost()
	if err != nil {
		return err
	}
	if err := sleep(ctx, 8*time.Second); err != nil { // meanwhile the blocking queries are opened
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
	fmt.Printf("    ready after %.1f s; until everything was served it took %v; with one datacenter %v\n", ready.Seconds(), all, one.cold)
	goal("D1 cold start, everything served", fmt.Sprintf("%.1f s", took.Seconds()), took <= 8*time.Second, "8 s")
	goal("D1 connections", fmt.Sprint(st.Connections), st.Connections <= 60, "60")
	goal(fmt.Sprintf("D1 Legate's RSS %d MB, to that with one (%d MB)", rss>>20, alone>>20),
		fmt.Sprintf("%.2f x", float64(rss)/float64(alone)), float64(rss) <= 1.3*float64(alone), "1.3 x")
	return nil
}

// catalogued is how many services Legate has of all datacenters. Consul's own one counts for each.
func (s *stage) catalogued(ctx context.Context) (n int, err error) {
	page, err := s.get(ctx, "/metrics")
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "legate_catalog_services") {
			one, err := strconv.Atoi(strings.TrimSpace(line[strings.LastIndexByte(line, ' ')+1:]))
			if err != nil {
				return 0, err
			}
			n += one
		}
	}
	return n, err
}

// threeFresh measures changes in another datacenter, and whether a frozen one delays them.
func threeFresh(ctx context.Context, s *stage) error {
	places, err := s.startWide(ctx, s.services, instances)
	if err != nil {
		return err
	}
	if _, err := s.startLegate(ctx, s.wideArgs()...); err != nil {
		return err
	}
	if err := s.subscribe(ctx, 3*s.services); err != nil {
		return err
	}
	if err := sleep(ctx, 5*time.Second); err != nil {
		return err
	}
	var flips [3]flipper
	changesAt := func(i int) (took []time.Duration, err error) {
		return s.measuredAt(ctx, places[i], s.span, 10, 10*time.Second, func(int) change { return flips[i].change(rand.IntN(s.services)) })
	}
	after, err := s.afterAgent(ctx, places[1], &flips[1])
	if err != nil {
		return err
	}
	p50, p99 := quantile(after, .5), quantile(after, .99)
	goal("D2 dc2, from its answer to another watcher at dc1, p50", ms(p50), p50 <= 10*time.Millisecond, "10 ms")
	fmt.Printf("    p99 %s, of %d changes one after the other\n", ms(p99), len(after))

	var well, wellAfter [3][]time.Duration
	for i, p := range places {
		if well[i], err = changesAt(i); err != nil {
			return err
		}
		if wellAfter[i], err = s.afterAgent(ctx, p, &flips[i]); err != nil {
			return err
		}
		fmt.Printf("    %s, from the write to the response: p50 %s, p99 %s\n", p.consul.Datacenter, ms(quantile(well[i], .5)), ms(quantile(well[i], .99)))
	}
	if err := places[1].consul.Pause(); err != nil {
		return err
	}
	if err := sleep(ctx, 50*time.Second); err != nil { // the first answers of 40 s have come
		return err
	}
	for _, i := range []int{0, 2} {
		name := places[i].consul.Datacenter
		frozen, err := changesAt(i)
		if err != nil {
			return err
		}
		fmt.Printf("    %s while dc2 is frozen: p50 %s, p99 %s; later by %s, Consul's part included\n", name,
			ms(quantile(frozen, .5)), ms(quantile(frozen, .99)), ms(quantile(frozen, .99)-quantile(well[i], .99)))
		frozenAfter, err := s.afterAgent(ctx, places[i], &flips[i])
		if err != nil {
			return err
		}
		later := quantile(frozenAfter, .99) - quantile(wellAfter[i], .99)
		fmt.Printf("    %s after the agent's answer, p99: %s, while dc2 is frozen %s\n", name, ms(quantile(wellAfter[i], .99)), ms(quantile(frozenAfter, .99)))
		goal("D3 "+name+", later because dc2 is frozen, p99", ms(later), later <= 5*time.Millisecond, "5 ms")
	}
	return places[1].consul.Continue()
}

// afterAgent makes changes at a place, one after the other, and returns how long after the answer to a
// blocking query of its own, of the same agent as Legate's, each arrived.
func (s *stage) afterAgent(ctx context.Context, p place, flips *flipper) (all []time.Duration, err error) {
	const changes = 200
	for range changes {
		c := flips.change(rand.IntN(s.services))
		name := serviceName(c.service)
		was, _, err := s.envoy.of(name + p.suffix)
		if err != nil {
			return nil, err
		}
		answered, err := s.watchOnce(ctx, name, p.consul.Datacenter)
		if err != nil {
			return nil, err
		}
		if err := c.write(ctx, p.writer); err != nil {
			return nil, err
		}
		at, err := s.envoy.after(ctx, name+p.suffix, was.times, 10*time.Second)
		if err != nil {
			return nil, err
		}
		a := <-answered
		if a.err != nil {
			return nil, a.err
		}
		all = append(all, at.Sub(a.at))
	}
	return all, nil
}

type answer struct {
	at  time.Time
	err error
}

// watchOnce returns once a blocking query waits at Legate's agent, and sends when it was answered.
func (s *stage) watchOnce(ctx context.Context, service, datacenter string) (<-chan answer, error) {
	path := "/v1/health/service/" + service + "?dc=" + datacenter
	index, err := s.ask(ctx, path)
	if err != nil {
		return nil, err
	}
	answered := make(chan answer, 1)
	go func() {
		_, err := s.ask(ctx, path+"&index="+index)
		answered <- answer{time.Now(), err}
	}()
	return answered, sleep(ctx, 20*time.Millisecond) // until it has arrived there
}

// ask asks Legate's agent, and returns the index of its answer.
func (s *stage) ask(ctx context.Context, path string) (index string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.consul.URL()+path, nil)
	if err != nil {
		return "", err
	}
	resp, err := s.writer.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("get %q: %s", path, resp.Status)
	}
	return resp.Header.Get("X-Consul-Index"), nil
}
