package chaos_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// envoy is an Envoy that uses one of the protocols, with listeners for the services that get
// traffic.
type envoy struct {
	*parts.Envoy
	name     string
	ports    map[string]int
	complete atomic.Bool // whether it has received everything once since its start
}

// newEnvoy starts an Envoy with listeners for the services; without any, for those that are visited.
func newEnvoy(t testing.TB, l *parts.Legate, mode, name string, routes ...string) *envoy {
	t.Helper()
	if len(routes) == 0 {
		routes = visited
	}
	e := &envoy{name: name, ports: map[string]int{}}
	ports, err := parts.FreePorts(len(routes))
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"bootstrap", "envoy", "--mode", mode, "--node-id", name, "--xds-address", l.XDS}
	for i, service := range routes {
		e.ports[service] = ports[i]
		args = append(args, "--route", fmt.Sprintf("%d=%s", ports[i], service))
	}
	e.Envoy = partstest.Envoy(t, parts.EnvoyOptions{Bootstrap: program.Output(t, args...)})
	return e
}

// has returns an error unless Envoy has all these endpoints of the service, healthy.
func (e *envoy) has(ctx context.Context, service string, addresses ...string) error {
	clusters, err := e.Clusters(ctx)
	if err != nil {
		return err
	}
	health := map[string]string{}
	for _, p := range clusters[service].Endpoints {
		health[p.Address] = p.Health
	}
	for _, addr := range addresses {
		if health[addr] != "HEALTHY" {
			return fmt.Errorf("%s has %s of %s as %q", e.name, addr, service, health[addr])
		}
	}
	return nil
}

// lacks returns an error while Envoy has the endpoint.
func (e *envoy) lacks(ctx context.Context, service, address string) error {
	clusters, err := e.Clusters(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(clusters[service].Endpoints, func(p parts.EnvoyEndpoint) bool { return p.Address == address }) {
		return fmt.Errorf("%s still has %s of %s", e.name, address, service)
	}
	return nil
}

// moves returns how many membership changes Envoy has counted for these services.
func (e *envoy) moves(ctx context.Context, services []string) (int, error) {
	for i := range services {
		services[i] = regexp.QuoteMeta(services[i])
	}
	stats, err := e.Stats(ctx, `^cluster\.(`+strings.Join(services, "|")+`)\.membership_change$`)
	sum := 0
	for _, n := range stats {
		sum += n
	}
	return sum, err
}

// soon repeats ask until it returns no error.
func soon(ctx context.Context, limit time.Duration, ask func() error) error {
	for began := time.Now(); ; {
		err := ask()
		if err == nil {
			return nil
		}
		if time.Since(began) > limit {
			return fmt.Errorf("still after %v: %w", limit, err)
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(15 * time.Millisecond):
		}
	}
}
