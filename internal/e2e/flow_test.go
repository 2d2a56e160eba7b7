package e2e_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// flow sends requests to a service through an Envoy continuously, on one connection, and records
// every failed request.
type flow struct {
	who   string
	leave chan struct{}
	gone  chan struct{}

	mu       sync.Mutex
	sent     int
	failures []string
}

// visit starts a flow. It ends with flawless, or with the test.
func visit(t testing.TB, e *envoy, service string) *flow {
	t.Helper()
	return visitAt(t, e.way.name, func() (string, error) { return e.ask(service, "/") })
}

func visitAt(t testing.TB, who string, ask func() (string, error)) *flow {
	t.Helper()
	f := &flow{who: who, leave: make(chan struct{}), gone: make(chan struct{})}
	end := sync.OnceFunc(func() { close(f.leave); <-f.gone })
	t.Cleanup(end)
	go func() {
		defer close(f.gone)
		for {
			at := time.Now()
			_, err := ask()
			f.note(at, err)
			select {
			case <-f.leave:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	return f
}

func (f *flow) note(at time.Time, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent++
	if err != nil {
		f.failures = append(f.failures, at.Format("15:04:05.000 ")+err.Error())
	}
}

// goesOn waits for some more requests, and fails the test if any has failed so far.
func (f *flow) goesOn(t testing.TB) {
	t.Helper()
	f.mu.Lock()
	enough := f.sent + 20
	f.mu.Unlock()
	eventually(t, func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		if len(f.failures) > 0 {
			t.Fatalf("%s: %d of %d requests failed:\n%s", f.who, len(f.failures), f.sent,
				strings.Join(f.failures[:min(5, len(f.failures))], "\n"))
		}
		if f.sent < enough {
			return fmt.Errorf("%s: %d requests were sent, want %d", f.who, f.sent, enough)
		}
		return nil
	})
}
