package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"legate/internal/parts"
)

// scratch holds what the whole run of tests shares; TestMain removes it.
var scratch string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "legate-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		scratch = dir
		return m.Run()
	}())
}

// program builds Legate once for all tests: as a release is built, or with the race detector
// where the tests have it.
var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "legate")
	out, err := exec.Command("go", append(append([]string{"build"}, buildFlags...), "-o", path, "legate")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build legate: %w\n%s", err, out)
	}
	return path, nil
})

func programPath(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("it needs real programs")
	}
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// legate is Legate as its users run it: a process with flags.
type legate struct {
	*parts.Process
	xds, rest, admin string // host:port

	path string
	args []string
	env  []string
	log  string
}

// newLegate is a Legate that is not started yet. Consul may be nil; then args say where it is.
func newLegate(t testing.TB, consul *parts.Consul, args ...string) *legate {
	t.Helper()
	ports := freePorts(t, 3)
	l := &legate{
		xds: parts.Loopback(ports[0]), rest: parts.Loopback(ports[1]), admin: parts.Loopback(ports[2]),
		path: programPath(t), env: ownEnvironment(), log: filepath.Join(t.TempDir(), "legate.log"),
	}
	l.args = []string{"serve", "--xds-listen", l.xds, "--rest-listen", l.rest, "--admin-listen", l.admin, "--log-level", "debug", "--drain-delay", "0s",
		"--guard-confirm", "1s", "--guard-empty", "5s"}
	if consul != nil {
		l.args = append(l.args, "--consul-addr", consul.Addr)
	}
	l.args = append(l.args, args...)
	t.Cleanup(func() {
		if l.Process != nil {
			l.stop(t)
		}
		if t.Failed() {
			t.Logf("end of legate's log:\n%s", parts.LogTail(l.log, 40))
		}
	})
	return l
}

// startLegate starts a Legate that serves what this Consul knows, and returns when it is ready.
func startLegate(t testing.TB, consul *parts.Consul, args ...string) *legate {
	t.Helper()
	l := newLegate(t, consul, args...)
	l.launch(t)
	l.awaitReady(t)
	return l
}

// launch starts it, for the first time or again on the same ports.
func (l *legate) launch(t testing.TB) {
	t.Helper()
	p, err := parts.Start(parts.Command{Name: "legate", Path: l.path, Args: l.args, Env: l.env, Log: l.log})
	if err != nil {
		t.Fatal(err)
	}
	l.Process = p
}

// awaitReady returns when it has read all of Consul's catalog.
func (l *legate) awaitReady(t testing.TB) {
	t.Helper()
	eventually(t, func() error {
		select {
		case <-l.Done():
			t.Fatalf("legate ended: %v\n%s", l.Err(), parts.LogTail(l.log, 5))
		default:
		}
		_, err := l.get("/readyz")
		return err
	})
}

// stop ends it as a service manager does: it must be gone within ten seconds, with exit code 0.
func (l *legate) stop(t testing.TB) {
	t.Helper()
	select {
	case <-l.Done():
		return // the test ended it
	default:
	}
	if err := errors.Join(l.Stop(10*time.Second), l.Err()); err != nil {
		t.Errorf("legate did not end well: %v", err)
	}
}

// get asks the admin interface; an answer other than 200 is an error.
func (l *legate) get(path string) ([]byte, error) { return get("http://" + l.admin + path) }

// status reads the parts of /api/v1/status that the tests look at.
func (l *legate) status(t testing.TB) (s legateStatus) {
	t.Helper()
	text, err := l.get("/api/v1/status")
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type legateStatus struct {
	Consul struct {
		Connected bool `json:"connected"`
		HTTP2     bool `json:"http2"`
		Services  int  `json:"services"`
	} `json:"consul"`
	Streams []struct {
		Node  string `json:"node"`
		Types []struct {
			Type  string `json:"type"`
			State string `json:"state"`
			Nacks int    `json:"nacks"`

			Responses int `json:"responses"`
		} `json:"types"`
	} `json:"streams"`
	Problems []struct {
		Service string `json:"service"`
		Reason  string `json:"reason"`
	} `json:"problems"`
}

// run runs another command of the program and returns what it prints.
func run(t testing.TB, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), programPath(t), args...)
	cmd.Env = ownEnvironment()
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("legate %s: %v\n%s", strings.Join(args, " "), err, complaint.Bytes())
	}
	return out
}

// ownEnvironment leaves out what would point Legate at somebody's own Consul.
func ownEnvironment() (own []string) {
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "CONSUL_") && !strings.HasPrefix(e, "LEGATE_") {
			own = append(own, e)
		}
	}
	return own
}

func freePorts(t testing.TB, n int) []int {
	t.Helper()
	ports, err := parts.FreePorts(n)
	if err != nil {
		t.Fatal(err)
	}
	return ports
}

func get(url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
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
		err = fmt.Errorf("get %q: %s: %s", url, resp.Status, bytes.TrimSpace(body))
	}
	return body, err
}

// patience is how long a state may take to come. It is long because REST polls, clients back
// off, and the machine may be busy; a test that passes does not use it up.
const patience = 40 * time.Second

// eventually asks until the answer has no error.
func eventually(t testing.TB, ask func() error) {
	t.Helper()
	if err := await(ask); err != nil {
		t.Fatal(err)
	}
}

func await(ask func() error) error {
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		err := ask()
		if err == nil {
			return nil
		}
		if time.Since(began) > patience {
			return fmt.Errorf("still after %v: %w", patience, err)
		}
	}
}
