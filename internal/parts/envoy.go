package parts

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// EnvoyOptions say which Envoy to start.
type EnvoyOptions struct {
	Path string // the program; empty: use Find
	// Bootstrap is Envoy's bootstrap as YAML. The address of its admin interface is replaced.
	Bootstrap []byte
	// AdminPort is the port of the admin interface on 127.0.0.1; 0: a free one.
	AdminPort int
	// Early returns as soon as the admin interface answers. Otherwise StartEnvoy waits until Envoy
	// is ready, which needs the answers of its control plane.
	Early bool
	Args  []string // more arguments; the last --log-level wins
}

// Envoy is an Envoy on loopback with one worker.
type Envoy struct {
	running

	AdminAddr string // host:port of the admin interface

	options EnvoyOptions
	folder  *Folder
	client  *http.Client
}

// StartEnvoy starts an Envoy and returns once it is ready.
func StartEnvoy(ctx context.Context, o EnvoyOptions) (*Envoy, error) {
	if o.Path == "" {
		path, err := EnvoyProgram().Find(ctx, nil)
		if err != nil {
			return nil, err
		}
		o.Path = path
	}
	folder, err := NewFolder()
	if err != nil {
		return nil, fmt.Errorf("start envoy: %w", err)
	}
	e := &Envoy{options: o, folder: folder, client: &http.Client{
		Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
	}}
	if err := os.WriteFile(e.file("bootstrap.yaml"), o.Bootstrap, 0o600); err != nil {
		return nil, errors.Join(err, folder.Remove())
	}
	if err := e.Start(ctx); err != nil {
		return nil, errors.Join(keepLog(err, e.Log()), folder.Remove())
	}
	return e, nil
}

// Start starts Envoy again, with the same bootstrap and admin port, and returns once it is ready.
func (e *Envoy) Start(ctx context.Context) error {
	if e.options.AdminPort == 0 {
		port, err := freePort()
		if err != nil {
			return err
		}
		e.options.AdminPort = port
	}
	e.AdminAddr = Loopback(e.options.AdminPort)
	p, err := Start(Command{Name: "envoy", Path: e.options.Path, Args: e.args(), Log: e.Log()})
	if err != nil {
		return err
	}
	e.process = p
	if err := e.await(ctx); err != nil {
		return errors.Join(fmt.Errorf("wait for envoy: %w", err), e.Kill())
	}
	return nil
}

func (e *Envoy) args() []string {
	admin := fmt.Sprintf("admin: {address: {socket_address: {address: 127.0.0.1, port_value: %d}}}", e.options.AdminPort)
	return append([]string{
		"--config-path", e.file("bootstrap.yaml"), "--config-yaml", admin,
		"--disable-hot-restart", "--concurrency", "1", "--log-level", "warning",
	}, e.options.Args...)
}

func (e *Envoy) file(name string) string { return filepath.Join(e.folder.Path, name) }

// Log returns Envoy's log file, which has all its starts.
func (e *Envoy) Log() string { return e.file("envoy.log") }

// Close stops Envoy and removes its files.
func (e *Envoy) Close() error { return errors.Join(e.Stop(), e.folder.Remove()) }

// AwaitReady waits until Envoy is ready: its control plane has answered everything that Envoy waits
// for.
func (e *Envoy) AwaitReady(ctx context.Context) error {
	return e.poll(ctx, func() error {
		text, err := e.Get(ctx, "/ready")
		if err != nil {
			return err
		}
		if got := strings.TrimSpace(string(text)); got != "LIVE" {
			return fmt.Errorf("it says %s", got)
		}
		return nil
	})
}

func (e *Envoy) await(ctx context.Context) error {
	if !e.options.Early {
		return e.AwaitReady(ctx)
	}
	return e.poll(ctx, func() error {
		_, err := e.Get(ctx, "/server_info")
		return err
	})
}

// poll repeats ask until it returns no error, for a minute at most.
func (e *Envoy) poll(ctx context.Context, ask func() error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		err := ask()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-e.Done():
			return fmt.Errorf("it ended: %w", e.ended())
		case <-time.After(10 * time.Millisecond):
		}
	}
}
