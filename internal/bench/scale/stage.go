package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"legate/internal/parts"
	"legate/internal/parts/pinned"
)

// stage is what runs in one case.
type stage struct {
	options
	path   string        // of Consul's program
	consul *parts.Consul // of the agent that Legate asks
	writer *writer
	wide   *parts.Federation // of consul and other datacenters, in some cases
	legate *parts.Process
	admin  string
	xds    string
	starts int
	before time.Duration // what all Consuls had used when Legate was started
	cold   cost          // of Legate's start, until it was ready
	envoy  *envoy
}

// startConsul starts a Consul and fills it.
func (s *stage) startConsul(ctx context.Context, o parts.ConsulOptions, services, instances int) (err error) {
	if o.Path, err = pinned.Consul(ctx, os.Stderr); err != nil {
		return err
	}
	s.path = o.Path
	if s.consul, err = parts.StartConsul(ctx, o); err != nil {
		return err
	}
	s.writer = newWriter(s.consul.URL())
	began := time.Now()
	if err := s.writer.fill(ctx, services, instances); err != nil {
		return err
	}
	fmt.Printf("    %d services, %d instances written in %.1f s\n", services, services*instances, time.Since(began).Seconds())
	return nil
}

// https returns the flags to use HTTPS with Consul.
func (s *stage) https() []string {
	return []string{"--consul-addr", "https://" + s.consul.HTTPSAddr, "--consul-ca-file", s.consul.Certs.CAFile}
}

// startLegate returns once Legate serves, with the time that took.
func (s *stage) startLegate(ctx context.Context, args ...string) (time.Duration, error) {
	ports, err := parts.FreePorts(2)
	if err != nil {
		return 0, err
	}
	s.xds, s.admin = parts.Loopback(ports[0]), parts.Loopback(ports[1])
	s.starts++
	began := time.Now()
	if s.before, err = s.consulCPU(); err != nil {
		return 0, err
	}
	s.legate, err = parts.Start(parts.Command{
		Name: "legate", Path: s.options.legate, Env: parts.OwnEnvironment(), Log: filepath.Join(s.folder, fmt.Sprintf("legate-%d.log", s.starts)),
		Args: append([]string{"serve", "--xds-listen", s.xds, "--admin-listen", s.admin, "--drain-delay", "0s"}, args...),
	})
	if err != nil {
		return 0, err
	}
	for {
		if _, err = s.get(ctx, "/readyz"); err == nil {
			took := time.Since(began)
			s.cold, err = s.cost()
			return took, err
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-s.legate.Done():
			return 0, fmt.Errorf("legate ended: %w", s.legate.Err())
		case <-time.After(20 * time.Millisecond): // asking costs Legate, too
		}
		if time.Since(began) > 2*time.Minute {
			return 0, fmt.Errorf("legate is not ready: %w", err)
		}
	}
}

// cost is the CPU time that reading the catalog takes.
type cost struct{ consul, reader time.Duration }

func (c cost) String() string {
	return fmt.Sprintf("%.1f s of CPU, %.1f s of it Consul's", (c.consul + c.reader).Seconds(), c.consul.Seconds())
}

// cost is what Legate has cost since it was started.
func (s *stage) cost() (cost, error) {
	after, err := s.consulCPU()
	own, err2 := cpu(s.legate.PID())
	return cost{after - s.before, own}, errors.Join(err, err2)
}

// consulCPU is what all Consuls have used so far.
func (s *stage) consulCPU() (sum time.Duration, err error) {
	all := []*parts.Consul{s.consul}
	if s.wide != nil {
		all = s.wide.All()
	}
	for _, c := range all {
		used, err := cpu(c.PID())
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}

// subscribe opens the stream and waits for all services.
func (s *stage) subscribe(ctx context.Context, services int) (err error) {
	if s.envoy, err = openEnvoy(ctx, s.xds); err != nil {
		return err
	}
	return s.envoy.await(ctx, services)
}

func (s *stage) stopLegate() error {
	if s.envoy != nil {
		s.envoy.close()
		s.envoy = nil
	}
	if s.legate == nil {
		return nil
	}
	err := s.legate.Stop(10 * time.Second)
	s.legate = nil
	return err
}

func (s *stage) close() {
	err := s.stopLegate()
	switch {
	case s.wide != nil:
		err = errors.Join(err, s.wide.Close())
	case s.consul != nil:
		err = errors.Join(err, s.consul.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "scale: cannot clean up:", err)
	}
}

func (s *stage) get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.admin+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("get %q: %s", path, resp.Status)
	}
	return body, err
}

// status is the part of Legate's status that is used here.
type status struct {
	Connected   bool   `json:"connected"`
	Mode        string `json:"mode"`
	Direct      int    `json:"direct"`
	Swept       int    `json:"swept"`
	Connections int    `json:"connections"`
}

func (s *stage) status(ctx context.Context) (status, error) {
	var all struct {
		Consul status `json:"consul"`
	}
	body, err := s.get(ctx, "/api/v1/status")
	if err == nil {
		err = json.Unmarshal(body, &all)
	}
	return all.Consul, err
}
