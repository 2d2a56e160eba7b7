package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"legate/internal/legatetest"
	"legate/internal/parts"
)

var program = legatetest.NewProgram(buildFlags...)

func TestMain(m *testing.M) { os.Exit(program.Run(m)) }

// legate is a Legate that also serves REST, and that must answer and end well.
type legate struct {
	*parts.Legate
	rest string // host:port
}

// newLegate returns a Legate that is not started yet. consul may be nil; then args have its
// address.
func newLegate(t testing.TB, consul *parts.Consul, args ...string) *legate {
	t.Helper()
	rest := parts.Loopback(freePorts(t, 1)[0])
	given := []string{"--rest-listen", rest, "--log-level", "debug", "--drain-delay", "0s", "--guard-confirm", "1s", "--guard-empty", "5s"}
	if consul != nil {
		given = append(given, "--consul-addr", consul.Addr)
	}
	l := &legate{rest: rest, Legate: program.Legate(t, ending, append(given, args...)...)}
	t.Cleanup(func() {
		if l.Process != nil {
			l.stop(t)
		}
		if t.Failed() {
			t.Logf("end of legate's log:\n%s", parts.LogTail(l.Log, 40))
		}
	})
	return l
}

// startLegate starts a Legate for this Consul, and returns once it is ready.
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
	if err := l.Launch(); err != nil {
		t.Fatal(err)
	}
}

// awaitReady waits until it has read all of Consul's catalog.
func (l *legate) awaitReady(t testing.TB) {
	t.Helper()
	if err := l.AwaitReady(t.Context(), patience); err != nil {
		t.Fatal(err)
	}
}

// ending is how long it may take to stop.
const ending = 10 * time.Second

// stop ends it as a service manager does: it must end in time, with exit code 0.
func (l *legate) stop(t testing.TB) {
	t.Helper()
	select {
	case <-l.Done():
		return // the test ended it
	default:
	}
	if err := errors.Join(l.Stop(ending), l.Err()); err != nil {
		t.Errorf("legate did not end well: %v", err)
	}
}

// get requests a path of the admin interface. An answer other than 200 is an error.
func (l *legate) get(path string) ([]byte, error) { return l.Get(context.Background(), path) }

// status reads the parts of /api/v1/status that the tests use.
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
		ID    string `json:"id"`
		Node  string `json:"node"`
		Agent string `json:"agent"`
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

func freePorts(t testing.TB, n int) []int {
	t.Helper()
	ports, err := parts.FreePorts(n)
	if err != nil {
		t.Fatal(err)
	}
	return ports
}

// patience is how long a state may take to come. It is long because REST polls, clients back off,
// and the machine may be busy. A passing test does not use it up.
const patience = 2 * time.Minute

// eventually repeats ask until it returns no error.
func eventually(t testing.TB, ask func() error) {
	t.Helper()
	if err := await(ask); err != nil {
		t.Fatal(err)
	}
}

func await(ask func() error) error {
	for began := time.Now(); ; time.Sleep(untilNextLook(time.Since(began))) {
		err := ask()
		if err == nil {
			return nil
		}
		if time.Since(began) > patience {
			return fmt.Errorf("still after %v: %w", patience, err)
		}
	}
}

// untilNextLook is the time between two looks at a state that has been waited for so long. A look at an Envoy
// takes processor time from what is to bring the state about, so what is long in coming is looked at less often.
func untilNextLook(waited time.Duration) time.Duration {
	return min(max(waited/10, 5*time.Millisecond), 100*time.Millisecond)
}
