package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"

	"legate/internal/parts"
)

// startLegate starts Legate, the program that tells the story, and returns once it is ready: it has
// read all of Consul's catalog.
func (s *stage) startLegate(ctx context.Context) error {
	if err := s.legate.Launch(); err != nil {
		return err
	}
	return s.legate.AwaitReady(ctx, timeout)
}

// bootstrap runs Legate to write the bootstrap of an Envoy with a listener for each service.
func (s *stage) bootstrap(ctx context.Context) ([]byte, error) {
	args := []string{"bootstrap", "envoy", "--node-id", "demo", "--xds-address", s.legate.XDS}
	for _, service := range sampleNames() {
		args = append(args, "--route", fmt.Sprintf("%d=%s", s.ports[service], service))
	}
	cmd := exec.CommandContext(ctx, s.legate.Path, args...)
	cmd.Env = parts.OwnEnvironment()
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil, fmt.Errorf("legate bootstrap envoy: %w: %s", err, bytes.TrimSpace(exit.Stderr))
	}
	return out, err
}
