package legatetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"legate/internal/parts"
)

// Legate is a Legate that can be started. Its methods belong to one goroutine, Get excepted.
type Legate struct {
	*parts.Process        // of the last start; nil before the first
	XDS, Admin     string // host:port
	Path           string
	Args           []string
	Log            string

	client *http.Client
}

// New is a Legate that is not started yet: "legate serve" with these arguments besides those
// that say where it listens. It ends with the test.
func New(t testing.TB, args ...string) *Legate {
	t.Helper()
	ports, err := parts.FreePorts(2)
	if err != nil {
		t.Fatal(err)
	}
	l := &Legate{
		XDS: parts.Loopback(ports[0]), Admin: parts.Loopback(ports[1]),
		Path: Program(t), Log: filepath.Join(t.TempDir(), "legate.log"),
		client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 1}},
	}
	l.Args = append([]string{"serve", "--xds-listen", l.XDS, "--admin-listen", l.Admin}, args...)
	t.Cleanup(func() {
		l.client.CloseIdleConnections()
		if l.Process != nil {
			if err := l.Stop(35 * time.Second); err != nil {
				t.Error(err)
			}
		}
	})
	return l
}

// Launch starts it, for the first time or again on the same ports.
func (l *Legate) Launch() error {
	p, err := parts.Start(parts.Command{Name: "legate", Path: l.Path, Args: l.Args, Env: Environment(), Log: l.Log})
	if err != nil {
		return err
	}
	l.Process = p
	return nil
}

// AwaitReady returns when it has something to serve, or cannot be expected to any more.
func (l *Legate) AwaitReady(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		_, err := l.Get(ctx, "/readyz")
		if err == nil {
			return nil
		}
		select {
		case <-l.Done():
			return fmt.Errorf("legate ended: %w\n%s", l.Err(), parts.LogTail(l.Log, 5))
		case <-ctx.Done():
			return fmt.Errorf("legate is not ready after %v: %w", patience, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Get asks the admin interface; an answer other than 200 is an error.
func (l *Legate) Get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.Admin+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := l.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("get %q: %s: %s", path, resp.Status, bytes.TrimSpace(body))
	}
	return body, err
}
