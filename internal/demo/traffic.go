package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"legate/internal/parts"
)

// pause is the time between two requests to a service: a few hundred requests a second each, which
// a laptop does not notice.
const pause = 4 * time.Millisecond

// traffic sends requests to each service through Envoy continuously, and records the answers.
type traffic struct {
	ports    map[string]int // of Envoy's listeners, by service
	client   *http.Client
	open     context.Context // done after stop
	close    context.CancelFunc
	visitors map[string]context.CancelFunc // each ends the requests to a service
	running  sync.WaitGroup

	mu       sync.Mutex
	seen     map[string]sighting // by instance
	sent     int
	failures []string // the first few errors
	failed   int
}

// sighting is when the first and the latest request were sent that an instance answered.
type sighting struct {
	first, last time.Time
	answers     int
}

func newTraffic(ports map[string]int) *traffic {
	t := &traffic{
		ports:    ports,
		visitors: make(map[string]context.CancelFunc),
		seen:     make(map[string]sighting),
		client: &http.Client{
			Timeout:   10 * time.Second,
			Transport: &http.Transport{MaxIdleConnsPerHost: 16},
		},
	}
	t.open, t.close = context.WithCancel(context.Background())
	for service := range ports {
		t.visit(service)
	}
	return t
}

// visit starts to send requests to the service.
func (t *traffic) visit(service string) {
	ctx, leave := context.WithCancel(t.open)
	t.visitors[service] = leave
	t.running.Go(func() {
		for ctx.Err() == nil {
			t.ask(service)
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	})
}

// leave stops sending requests to the service. A request in flight is still counted.
func (t *traffic) leave(service string) { t.visitors[service]() }

func (t *traffic) stop() {
	t.close()
	t.running.Wait()
	t.client.CloseIdleConnections()
}

// ask sends one request of the steady traffic and counts the result.
func (t *traffic) ask(service string) (instance string) {
	at := time.Now()
	instance, err := t.request(context.Background(), service, "/")
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sent++
	if err != nil {
		t.failed++
		if len(t.failures) < 5 {
			t.failures = append(t.failures, fmt.Sprintf("%s %s: %v", at.Format("15:04:05.000"), service, err))
		}
		return ""
	}
	s := t.seen[instance]
	if s.answers == 0 {
		s.first = at
	}
	s.last = at
	s.answers++
	t.seen[instance] = s
	return instance
}

// slowAnswer is the result of a request of askSlowly.
type slowAnswer struct {
	from string
	err  error
	at   time.Time
}

// askSlowly sends n requests at once that each take a while to answer. They are not part of the
// steady traffic.
func (t *traffic) askSlowly(service string, n int, takes time.Duration) <-chan slowAnswer {
	answers := make(chan slowAnswer, n)
	for range n {
		t.running.Go(func() {
			from, err := t.request(t.open, service, "/?wait="+takes.String())
			answers <- slowAnswer{from, err, time.Now()}
		})
	}
	return answers
}

// request sends one request to the service through Envoy. The answer is an instance's name.
func (t *traffic) request(ctx context.Context, service, path string) (instance string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+parts.Loopback(t.ports[service])+path, nil)
	if err != nil {
		return "", err
	}
	resp, err := t.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", statusError{resp.StatusCode, strings.TrimSpace(string(body))}
	}
	return string(body), nil
}

// statusError is an answer other than 200.
type statusError struct {
	code int
	text string
}

func (e statusError) Error() string { return fmt.Sprintf("%d %s", e.code, e.text) }

// forget deletes what was recorded of an instance.
func (t *traffic) forget(instance string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.seen, instance)
}

func (t *traffic) saw(instance string) sighting {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.seen[instance]
}

func (t *traffic) totals() (sent, failed int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sent, t.failed
}

// flawless returns an error if any request of the steady traffic failed.
func (t *traffic) flawless() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d requests failed:\n  %s", t.failed, t.sent, strings.Join(t.failures, "\n  "))
}

// timeout is how long a change may take before the story fails.
const timeout = 20 * time.Second

var errTimeout = errors.New("not within " + timeout.String())

// awaitUsed waits for the instance's first answer, and returns how long after since its request was
// sent.
func (t *traffic) awaitUsed(ctx context.Context, instance string, since time.Time) (time.Duration, error) {
	err := wait(ctx, timeout, func() bool { return t.saw(instance).answers > 0 })
	if err != nil {
		return 0, fmt.Errorf("no request reached %s: %w", instance, err)
	}
	return t.saw(instance).first.Sub(since), nil
}

// quiet is how long an instance must get no requests before it counts as left alone. Over a hundred
// requests are sent to its service meanwhile.
const quiet = 700 * time.Millisecond

// awaitUnused waits until the instance is left alone, and returns how long after since the last request
// that reached it was sent; 0 if there was none.
func (t *traffic) awaitUnused(ctx context.Context, instance string, since time.Time) (time.Duration, error) {
	err := wait(ctx, timeout, func() bool {
		last := t.saw(instance).last
		if last.Before(since) {
			last = since
		}
		return time.Since(last) > quiet
	})
	if err != nil {
		return 0, fmt.Errorf("requests still reach %s: %w", instance, err)
	}
	return max(0, t.saw(instance).last.Sub(since)), nil
}

// wait asks every millisecond until the answer is yes.
func wait(ctx context.Context, limit time.Duration, yes func() bool) error {
	deadline := time.After(limit)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !yes() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline:
			return errTimeout
		case <-tick.C:
		}
	}
	return nil
}

// sleep waits unless the context ends first.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
