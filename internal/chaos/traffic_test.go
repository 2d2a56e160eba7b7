package chaos_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"legate/internal/parts"
)

// traffic sends requests to services through Envoys continuously, and records failures.
type traffic struct {
	client *http.Client

	mu       sync.Mutex
	sent     int
	failures []string
}

// pause is the time between an answer and the next request.
const pause = 15 * time.Millisecond

// newTraffic starts traffic to each of the ports. It ends with the test.
func newTraffic(t testing.TB, ports map[string]int) *traffic {
	tr := &traffic{client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 4}}}
	ctx, leave := context.WithCancel(context.Background())
	var visitors sync.WaitGroup
	for who, port := range ports {
		visitors.Go(func() {
			for ctx.Err() == nil {
				tr.ask(who, port)
				select {
				case <-ctx.Done():
				case <-time.After(pause):
				}
			}
		})
	}
	t.Cleanup(func() { leave(); visitors.Wait(); tr.client.CloseIdleConnections() })
	return tr
}

func (tr *traffic) ask(who string, port int) {
	at := time.Now()
	resp, err := tr.client.Get("http://" + parts.Loopback(port) + "/")
	if err == nil {
		var body []byte
		if body, err = io.ReadAll(resp.Body); err == nil && resp.StatusCode != http.StatusOK {
			err = fmt.Errorf("%d %s", resp.StatusCode, body)
		}
		resp.Body.Close()
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.sent++
	if err != nil {
		tr.failures = append(tr.failures, fmt.Sprintf("%s %s: %v", at.Format("15:04:05.000"), who, err))
	}
}

// take returns what happened since the last call.
func (tr *traffic) take() (sent int, failures []string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	sent, failures = tr.sent, tr.failures
	tr.sent, tr.failures = 0, nil
	return sent, failures
}
