package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"legate/internal/parts"
)

// legate is Legate as a child process: the very program that tells the story.
type legate struct {
	program string
	consul  string // host:port, known once Consul runs
	xds     string // host:port
	admin   string // host:port
	log     string
	process *parts.Process
}

func newLegate(program string, folder *parts.Folder, xds, admin int) *legate {
	return &legate{
		program: program,
		xds:     parts.Loopback(xds), admin: parts.Loopback(admin),
		log: filepath.Join(folder.Path, "legate.log"),
	}
}

// start starts Legate and returns when it is ready: it has read all of Consul's catalog.
func (l *legate) start(ctx context.Context) (err error) {
	l.process, err = parts.Start(parts.Command{
		Name: "legate", Path: l.program, Log: l.log, Env: ownEnvironment(os.Environ()),
		Args: []string{"serve", "--consul-addr", l.consul, "--xds-listen", l.xds, "--admin-listen", l.admin, "--drain-delay", "0s"},
	})
	if err != nil {
		return err
	}
	ended := false
	err = wait(ctx, patience, func() bool {
		select {
		case <-l.process.Done():
			ended = true
			return true
		default:
			return l.ready(ctx)
		}
	})
	switch {
	case ended:
		return errors.Join(fmt.Errorf("legate ended:\n%s", parts.LogTail(l.log, 5)), l.process.Err())
	case err != nil:
		return fmt.Errorf("legate is not ready: %w", err)
	}
	return nil
}

func (l *legate) ready(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.admin+"/readyz", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// stop ends Legate as a service manager would.
func (l *legate) stop() error {
	if l == nil || l.process == nil {
		return nil
	}
	return l.process.Stop(15 * time.Second)
}

// bootstrap has Legate write the bootstrap of an Envoy with a listener for each service.
func (l *legate) bootstrap(ctx context.Context, ports map[string]int) ([]byte, error) {
	args := []string{"bootstrap", "envoy", "--node-id", "demo", "--xds-address", l.xds}
	for _, service := range sampleNames() {
		args = append(args, "--route", fmt.Sprintf("%d=%s", ports[service], service))
	}
	cmd := exec.CommandContext(ctx, l.program, args...)
	cmd.Env = ownEnvironment(os.Environ())
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil, fmt.Errorf("legate bootstrap envoy: %w: %s", err, bytes.TrimSpace(exit.Stderr))
	}
	return out, err
}

// ownEnvironment leaves out what would point Legate at the user's own Consul.
func ownEnvironment(env []string) (own []string) {
	for _, e := range env {
		if !strings.HasPrefix(e, "CONSUL_") && !strings.HasPrefix(e, "LEGATE_") {
			own = append(own, e)
		}
	}
	return own
}
