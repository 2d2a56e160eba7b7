package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// envoy is an Envoy with a listener for each service of a story.
type envoy struct {
	*parts.Envoy
	way    way
	ports  map[string]int // of the listeners, by service
	client *http.Client
}

// startEnvoy starts an Envoy that uses Legate in one of the ways.
func startEnvoy(t testing.TB, l *legate, w way, services ...string) *envoy {
	t.Helper()
	e := &envoy{way: w, ports: make(map[string]int), client: newClient(t)}
	for i, port := range freePorts(t, len(services)) {
		e.ports[services[i]] = port
	}
	e.Envoy = partstest.Envoy(t, parts.EnvoyOptions{Bootstrap: w.bootstrap(t, l, e.ports)})
	return e
}

func newClient(t testing.TB) *http.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 4}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Timeout: 10 * time.Second, Transport: transport}
}

// ask sends a request to the service through Envoy and returns the instance that answered.
func (e *envoy) ask(service, path string) (instance string, err error) {
	return askAt(e.client, e.ports[service], path)
}

func askAt(client *http.Client, port int, path string) (instance string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+parts.Loopback(port)+path, nil)
	if err != nil {
		return "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", statusError{resp.StatusCode, string(body)}
	}
	return string(body), nil
}

// statusError is an answer other than 200.
type statusError struct {
	code int
	text string
}

func (e statusError) Error() string { return fmt.Sprintf("%d %s", e.code, e.text) }

// count sends n requests and counts them by the instance that answered.
func (e *envoy) count(service string, n int) (map[string]int, error) {
	by := make(map[string]int)
	for range n {
		instance, err := e.ask(service, "/")
		if err != nil {
			return nil, err
		}
		by[instance]++
	}
	return by, nil
}

// answers returns an error unless the service's requests go to exactly these instances.
func (e *envoy) answers(service string, instances ...string) error {
	by, err := e.count(service, 5*len(instances))
	if err != nil {
		return err
	}
	got := slices.Sorted(maps.Keys(by))
	slices.Sort(instances)
	if !slices.Equal(got, instances) {
		return fmt.Errorf("%s is answered by %v, want %v", service, got, instances)
	}
	return nil
}

// refuses returns an error unless no instance of the service answers.
func (e *envoy) refuses(service string) error {
	for range 3 {
		instance, err := e.ask(service, "/")
		var status statusError
		switch {
		case err == nil:
			return fmt.Errorf("%s is still answered by %s", service, instance)
		case !errors.As(err, &status) || status.code != http.StatusServiceUnavailable:
			return err
		}
	}
	return nil
}

// endpoints returns Envoy's endpoints of the service, by address.
func (e *envoy) endpoints(service string) (map[string]parts.EnvoyEndpoint, error) {
	clusters, err := e.Clusters(context.Background())
	if err != nil {
		return nil, err
	}
	c, ok := clusters[service]
	if !ok {
		return nil, fmt.Errorf("envoy has no cluster %s", service)
	}
	by := make(map[string]parts.EnvoyEndpoint, len(c.Endpoints))
	for _, p := range c.Endpoints {
		by[p.Address] = p
	}
	return by, nil
}

// stat returns one of Envoy's counters or gauges by its full name, 0 if it does not exist yet.
func (e *envoy) stat(t testing.TB, name string) int {
	t.Helper()
	all, err := e.Stats(context.Background(), "^"+strings.ReplaceAll(name, ".", `\.`)+"$")
	if err != nil {
		t.Fatal(err)
	}
	return all[name]
}
