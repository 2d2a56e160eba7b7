package parts

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Legate is "legate serve" in a process of its own, as users run it. It can be stopped, killed,
// frozen and started again on the same ports. Its methods, except Get, must be called from one
// goroutine.
type Legate struct {
	*Process          // of the last start; nil before the first
	XDS, Admin string // host:port
	Path       string
	Args       []string
	Env        []string
	Log        string
	Edit       func(*exec.Cmd) // see Command

	client *http.Client
}

// NewLegate returns a Legate that is not started yet: the program at this path, with these
// arguments and those for its addresses. It writes to log.
func NewLegate(path, log string, args ...string) (*Legate, error) {
	ports, err := FreePorts(2)
	if err != nil {
		return nil, err
	}
	l := &Legate{
		XDS: Loopback(ports[0]), Admin: Loopback(ports[1]), Path: path, Env: OwnEnvironment(), Log: log,
		client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 1}},
	}
	l.Args = append([]string{"serve", "--xds-listen", l.XDS, "--admin-listen", l.Admin}, args...)
	return l, nil
}

// Launch starts it, for the first time or again on the same ports.
func (l *Legate) Launch() error {
	p, err := Start(Command{Name: "legate", Path: l.Path, Args: l.Args, Env: l.Env, Log: l.Log, Edit: l.Edit})
	if err != nil {
		return err
	}
	l.Process = p
	return nil
}

// AwaitReady returns once Legate is ready, or an error if it has ended or is not ready within
// limit.
func (l *Legate) AwaitReady(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		_, err := l.Get(ctx, "/readyz")
		if err == nil {
			return nil
		}
		select {
		case <-l.Done():
			return fmt.Errorf("legate ended: %w\n%s", orEnded(l.Err()), LogTail(l.Log, 5))
		case <-ctx.Done():
			return fmt.Errorf("legate is not ready after %v: %w", limit, errors.Join(ctx.Err(), err))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Get requests a path of the admin interface. An answer other than 200 is an error.
func (l *Legate) Get(ctx context.Context, path string) ([]byte, error) {
	return get(ctx, l.client, "legate", l.Admin, path)
}

// Stop ends it as a service manager does, if it was started.
func (l *Legate) Stop(grace time.Duration) error {
	l.client.CloseIdleConnections()
	if l.Process == nil {
		return nil
	}
	return l.Process.Stop(grace)
}

// OwnEnvironment returns this process's environment without variables that would lead Legate to
// another Consul.
func OwnEnvironment() (own []string) {
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "CONSUL_") && !strings.HasPrefix(e, "LEGATE_") {
			own = append(own, e)
		}
	}
	return own
}
