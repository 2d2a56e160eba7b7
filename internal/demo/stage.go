package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"legate/internal/parts"
)

// stage is everything that runs.
type stage struct {
	legateProgram string

	folder   *parts.Folder
	consul   *parts.Consul
	backends map[string]*parts.Backend // by instance
	legate   *parts.Legate
	envoy    *parts.Envoy
	ports    map[string]int // of Envoy's listeners, by service
	traffic  *traffic
}

// build starts everything, one after the other.
func (s *stage) build(ctx context.Context, p *page) error {
	if err := forgetConsul(); err != nil {
		return err
	}
	consul, err := parts.ConsulProgram().Find(ctx, p.progress())
	if err != nil {
		return err
	}
	envoy, err := parts.EnvoyProgram().Find(ctx, p.progress())
	if err != nil {
		return err
	}
	if err := s.reserve(); err != nil {
		return err
	}
	for _, start := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"Consul, with a data directory", func(ctx context.Context) (err error) {
			s.consul, err = parts.StartConsul(ctx, parts.ConsulOptions{
				Path: consul, Persistent: true, HCL: "ui_config { enabled = true }",
			})
			return err
		}},
		{"three services with eight instances, registered with Consul", s.populate},
		{"Legate, ready: it has read the whole catalog", func(ctx context.Context) error {
			s.legate.Args = append(s.legate.Args, "--consul-addr", s.consul.Addr)
			return s.startLegate(ctx)
		}},
		{"Envoy, ready: it has its clusters from Legate", func(ctx context.Context) error {
			bootstrap, err := s.bootstrap(ctx)
			if err != nil {
				return err
			}
			s.envoy, err = parts.StartEnvoy(ctx, parts.EnvoyOptions{Path: envoy, Bootstrap: bootstrap})
			return err
		}},
	} {
		p.step("%s", start.what)
		began := time.Now()
		if err := start.do(ctx); err != nil {
			return err
		}
		p.done(time.Since(began))
	}
	return nil
}

// forgetConsul removes the settings of the user's own Consul from this process's environment:
// Consul's client would read them.
func forgetConsul() error {
	for _, name := range []string{
		"CONSUL_NAMESPACE", "CONSUL_PARTITION", "CONSUL_HTTP_TOKEN", "CONSUL_HTTP_TOKEN_FILE", "CONSUL_HTTP_AUTH",
	} {
		if err := os.Unsetenv(name); err != nil {
			return err
		}
	}
	return nil
}

// reserve picks ports, and makes the folder for Legate's log.
func (s *stage) reserve() (err error) {
	if s.folder, err = parts.NewFolder(); err != nil {
		return err
	}
	names := sampleNames()
	ports, err := parts.FreePorts(len(names))
	if err != nil {
		return err
	}
	s.legate, err = parts.NewLegate(s.legateProgram, filepath.Join(s.folder.Path, "legate.log"), "--drain-delay", "0s")
	if err != nil {
		return err
	}
	s.ports = make(map[string]int)
	for i, name := range names {
		s.ports[name] = ports[i]
	}
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

// add starts an instance of the service, unless it is running, and registers it.
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

// close ends everything, in an order in which no program notices that another is gone.
func (s *stage) close() error {
	var errs []error
	if s.traffic != nil {
		s.traffic.stop()
	}
	if s.envoy != nil {
		errs = append(errs, s.envoy.Close())
	}
	if s.legate != nil {
		errs = append(errs, s.legate.Stop(15*time.Second))
	}
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

// keepLogs saves the logs of the programs and returns where.
func (s *stage) keepLogs() string {
	var logs []string
	if s.consul != nil {
		logs = append(logs, s.consul.Log())
	}
	if s.legate != nil && s.legate.Process != nil {
		logs = append(logs, s.legate.Log)
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
