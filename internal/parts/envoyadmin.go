package parts

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// EnvoyCluster is a cluster in Envoy's admin interface.
type EnvoyCluster struct {
	Name      string
	FromAPI   bool // added by CDS
	Endpoints []EnvoyEndpoint
}

// EnvoyEndpoint is an endpoint of a cluster.
type EnvoyEndpoint struct {
	Address string // host:port, [v6]:port, or the path of a unix socket
	Health  string // the EDS health status: HEALTHY, UNHEALTHY, DRAINING, ...
	Weight  int
	Region  string
	Zone    string
	// Priority is that of its locality: traffic goes to the lowest that is healthy.
	Priority int
}

// Get requests a path of the admin interface. An answer other than 200 is an error.
func (e *Envoy) Get(ctx context.Context, path string) ([]byte, error) {
	return get(ctx, e.client, "envoy", e.AdminAddr, path)
}

// Ready reports whether Envoy is ready now.
func (e *Envoy) Ready(ctx context.Context) bool {
	_, err := e.Get(ctx, "/ready")
	return err == nil
}

// ConfigDump returns Envoy's /config_dump with EDS endpoints, as JSON.
func (e *Envoy) ConfigDump(ctx context.Context) ([]byte, error) {
	return e.Get(ctx, "/config_dump?include_eds")
}

// Stats returns Envoy's counters and gauges whose names match the regular expression.
func (e *Envoy) Stats(ctx context.Context, filter string) (map[string]int, error) {
	text, err := e.Get(ctx, "/stats?filter="+url.QueryEscape(filter))
	if err != nil {
		return nil, err
	}
	stats := make(map[string]int)
	for line := range strings.Lines(string(text)) {
		// Only odd cluster names contain ": ". Text readouts and histograms are not numbers.
		at := strings.LastIndex(line, ": ")
		if at < 0 {
			continue
		}
		if n, err := strconv.Atoi(strings.TrimSpace(line[at+2:])); err == nil {
			stats[line[:at]] = n
		}
	}
	return stats, nil
}

// Clusters returns Envoy's clusters by name, with their endpoints sorted by address.
func (e *Envoy) Clusters(ctx context.Context) (map[string]EnvoyCluster, error) {
	text, err := e.Get(ctx, "/clusters?format=json")
	if err != nil {
		return nil, err
	}
	var said struct {
		Statuses []struct {
			Name    string `json:"name"`
			FromAPI bool   `json:"added_via_api"`
			Hosts   []struct {
				Address struct {
					Socket struct {
						Address string `json:"address"`
						Port    int    `json:"port_value"`
					} `json:"socket_address"`
					Pipe struct {
						Path string `json:"path"`
					} `json:"pipe"`
				} `json:"address"`
				Health struct {
					EDS string `json:"eds_health_status"`
				} `json:"health_status"`
				Weight   int `json:"weight"`
				Priority int `json:"priority"`
				Locality struct {
					Region string `json:"region"`
					Zone   string `json:"zone"`
				} `json:"locality"`
			} `json:"host_statuses"`
		} `json:"cluster_statuses"`
	}
	if err := json.Unmarshal(text, &said); err != nil {
		return nil, fmt.Errorf("read envoy's clusters: %w", err)
	}
	clusters := make(map[string]EnvoyCluster, len(said.Statuses))
	for _, s := range said.Statuses {
		c := EnvoyCluster{Name: s.Name, FromAPI: s.FromAPI}
		for _, h := range s.Hosts {
			address := h.Address.Pipe.Path
			if address == "" {
				address = joinHostPort(h.Address.Socket.Address, h.Address.Socket.Port)
			}
			c.Endpoints = append(c.Endpoints, EnvoyEndpoint{
				Address: address, Health: h.Health.EDS, Weight: h.Weight,
				Region: h.Locality.Region, Zone: h.Locality.Zone, Priority: h.Priority,
			})
		}
		slices.SortFunc(c.Endpoints, func(a, b EnvoyEndpoint) int { return strings.Compare(a.Address, b.Address) })
		clusters[s.Name] = c
	}
	return clusters, nil
}
