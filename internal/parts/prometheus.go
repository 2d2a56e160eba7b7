package parts

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// PrometheusOptions say which Prometheus to start.
type PrometheusOptions struct {
	Path string // the program; empty: use Find
	// Config is its configuration as YAML. Names of files in it are relative to Files.
	Config []byte
	// Files are put beside the configuration, by name: rules, for instance.
	Files map[string][]byte
}

// Prometheus is a Prometheus on loopback.
type Prometheus struct {
	running

	Addr string // host:port

	options PrometheusOptions
	folder  *Folder
	client  *http.Client
}

// StartPrometheus starts a Prometheus and returns once it answers queries. It first scrapes its
// targets within about a second.
func StartPrometheus(ctx context.Context, o PrometheusOptions) (*Prometheus, error) {
	if o.Path == "" {
		path, err := PrometheusProgram().Find(ctx, nil)
		if err != nil {
			return nil, err
		}
		o.Path = path
	}
	folder, err := NewFolder()
	if err != nil {
		return nil, fmt.Errorf("start prometheus: %w", err)
	}
	p := &Prometheus{options: o, folder: folder, client: &http.Client{
		Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: 10 * time.Second},
	}}
	if err := errors.Join(p.write(), p.start(ctx)); err != nil {
		return nil, errors.Join(keepLog(err, p.Log()), folder.Remove())
	}
	return p, nil
}

func (p *Prometheus) write() error {
	err := os.WriteFile(p.file("prometheus.yml"), p.options.Config, 0o600)
	for name, text := range p.options.Files {
		err = errors.Join(err, os.WriteFile(p.file(name), text, 0o600))
	}
	return err
}

func (p *Prometheus) start(ctx context.Context) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	p.Addr = Loopback(port)
	process, err := Start(Command{Name: "prometheus", Path: p.options.Path, Log: p.Log(), Args: []string{
		"--config.file", p.file("prometheus.yml"), "--storage.tsdb.path", p.file("data"),
		"--web.listen-address", p.Addr, "--scrape.discovery-reload-interval", "1s", "--log.level", "warn",
	}})
	if err != nil {
		return err
	}
	p.process = process
	if err := p.await(ctx); err != nil {
		return errors.Join(fmt.Errorf("wait for prometheus: %w", err), p.Kill())
	}
	return nil
}

func (p *Prometheus) file(name string) string { return filepath.Join(p.folder.Path, name) }

// Log returns Prometheus' log file.
func (p *Prometheus) Log() string { return p.file("prometheus.log") }

// Close stops Prometheus and removes its files.
func (p *Prometheus) Close() error {
	p.client.CloseIdleConnections()
	return errors.Join(p.Stop(), p.folder.Remove())
}

// await waits until Prometheus answers queries, for a minute at most.
func (p *Prometheus) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		_, err := p.get(ctx, "/-/ready")
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-p.Done():
			return fmt.Errorf("it ended: %w", p.ended())
		case <-time.After(30 * time.Millisecond):
		}
	}
}

// get requests a path.
func (p *Prometheus) get(ctx context.Context, path string) ([]byte, error) {
	return get(ctx, p.client, "prometheus", p.Addr, path)
}
