package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"legate/internal/parts"
)

// stage is all that runs.
type stage struct {
	legateProgram string

	folder   *parts.Folder
	consul   *parts.Consul
	backends map[string]*parts.Backend // by instance
	legate   *legate
	envoy    *parts.Envoy
	ports    map[string]int // of Envoy's listeners, by service
	traffic  *traffic
}

// build starts everything, one after the other.
func (s *stage) build(ctx context.Context, p *page) (err error) {
	// Consul's client would read these; what the demo starts is not the user's Consul.
	for _, name := range []string{"CONSUL_NAMESPACE", "CONSUL_PARTITION", "CONSUL_HTTP_TOKEN", "CONSUL_HTTP_TOKEN_FILE"} {
		if err := os.Unsetenv(name); err != nil {
			return err
		}
	}
	consul, err := parts.FindConsul(ctx, p.progress())
	if err != nil {
		return err
	}
	envoy, err := parts.FindEnvoy(ctx, p.progress())
	if err != nil {
		return err
	}
	if s.folder, err = parts.NewFolder(); err != nil {
		return err
	}
	names := sampleNames()
	ports, err := parts.FreePorts(len(names) + 2)
	if err != nil {
		return err
	}
	s.ports = make(map[string]int)
	for i, name := range names {
		s.ports[name] = ports[i+2]
	}

	began := time.Now()
	p.step("Consul, with a data directory")
	s.consul, err = parts.StartConsul(ctx, parts.ConsulOptions{
		Path: consul, Persistent: true, HCL: "ui_config { enabled = true }",
	})
	if err != nil {
		return err
	}
	p.done(time.Since(began))

	began = time.Now()
	p.step("three services with eight instances, registered with Consul")
	if err := s.populate(ctx); err != nil {
		return err
	}
	p.done(time.Since(began))

	began = time.Now()
	p.step("Legate, ready: it has read the whole catalog")
	s.legate = newLegate(s.legateProgram, s.folder, s.consul.Addr, ports[0], ports[1])
	if err := s.legate.start(ctx); err != nil {
		return err
	}
	p.done(time.Since(began))

	began = time.Now()
	p.step("Envoy, ready: it has its clusters from Legate")
	bootstrap, err := s.legate.bootstrap(ctx, s.ports)
	if err != nil {
		return err
	}
	if s.envoy, err = parts.StartEnvoy(ctx, parts.EnvoyOptions{Path: envoy, Bootstrap: bootstrap}); err != nil {
		return err
	}
	p.done(time.Since(began))
	return nil
}

func (s *stage) populate(ctx context.Context) error {
	s.backends = make(map[string]*parts.Backend)
	for _, sample := range samples() {
		for i, weight := range sample.weights {
			if err := s.add(ctx, sample.name, fmt.Sprintf("%s-%d", sample.name, i+1), weight); err != nil {
				return err
			}
		}
	}
	return nil
}

// add starts an instance of the service, unless it runs already, and registers it.
func (s *stage) add(ctx context.Context, service, name string, weight int) error {
	b := s.backends[name]
	if b == nil {
		var err error
		if b, err = parts.StartBackend(name, "127.0.0.1:0"); err != nil {
			return err
		}
		s.backends[name] = b
	}
	return s.consul.Register(ctx, instance(service, b, weight))
}

// close ends everything, in the order in which nobody misses anybody.
func (s *stage) close() error {
	var errs []error
	if s.traffic != nil {
		s.traffic.stop()
	}
	if s.envoy != nil {
		errs = append(errs, s.envoy.Close())
	}
	errs = append(errs, s.legate.stop())
	if s.consul != nil {
		errs = append(errs, s.consul.Close())
	}
	for _, b := range s.backends {
		errs = append(errs, b.Close())
	}
	if s.folder != nil {
		errs = append(errs, s.folder.Remove())
	}
	return errors.Join(errs...)
}

// keepLogs saves what the programs wrote and says where.
func (s *stage) keepLogs() string {
	var logs []string
	if s.consul != nil {
		logs = append(logs, s.consul.Log())
	}
	if s.legate != nil {
		logs = append(logs, s.legate.log)
	}
	if s.envoy != nil {
		logs = append(logs, s.envoy.Log())
	}
	var said strings.Builder
	for _, log := range logs {
		kept, err := parts.KeepLog(log)
		if err != nil {
			fmt.Fprintf(&said, "a log could not be kept: %v\n", err)
			continue
		}
		fmt.Fprintf(&said, "log kept: %s\n", kept)
	}
	return said.String()
}
