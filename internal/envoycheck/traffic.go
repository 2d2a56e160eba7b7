package envoycheck

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Traffic is what an Envoy tells of its requests to a cluster. The counts begin at Envoy's start, or when the endpoint came.
type Traffic struct {
	Known     bool // Envoy uses the cluster: it has come, and is not warming any more
	Endpoints []Endpoint

	stat     string            // the cluster's name in the names of stats
	counts   map[string]uint64 // by the stat's name, without that of the cluster
	breakers map[string]uint64 // the limits of the default priority
}

// Endpoint is what an Envoy tells of an endpoint of a cluster.
type Endpoint struct {
	Address string // host:port, or the path of a unix socket
	EDS     string // the health that it was told: HEALTHY, UNHEALTHY, ...
	Ejected bool   // by outlier detection
	Failed  bool   // by active health checks

	counts map[string]uint64
}

// TrafficOf reads what Envoy's /clusters?format=json says of a cluster:
// https://www.envoyproxy.io/docs/envoy/latest/api-v3/admin/v3/clusters.proto
func TrafficOf(cluster string, clusters []byte) (Traffic, error) {
	var said struct {
		Statuses []struct {
			Name     string `json:"name"`
			StatName string `json:"observability_name"`
			Breakers struct {
				Thresholds []map[string]any `json:"thresholds"`
			} `json:"circuit_breakers"`
			Hosts []struct {
				Address struct {
					Socket struct {
						Address string `json:"address"`
						Port    int    `json:"port_value"`
					} `json:"socket_address"`
					Pipe struct {
						Path string `json:"path"`
					} `json:"pipe"`
				} `json:"address"`
				Stats  []stat `json:"stats"`
				Health struct {
					EDS     string `json:"eds_health_status"`
					Ejected bool   `json:"failed_outlier_check"`
					Failed  bool   `json:"failed_active_health_check"`
				} `json:"health_status"`
			} `json:"host_statuses"`
		} `json:"cluster_statuses"`
	}
	if err := json.Unmarshal(clusters, &said); err != nil {
		return Traffic{}, fmt.Errorf("its clusters: %w", err)
	}
	for _, c := range said.Statuses {
		if c.Name != cluster {
			continue
		}
		t := Traffic{Known: true, stat: cmp.Or(c.StatName, c.Name), breakers: map[string]uint64{}}
		for _, limits := range c.Breakers.Thresholds {
			if _, other := limits["priority"]; other {
				continue
			}
			for name, n := range limits {
				if n, is := n.(float64); is && n >= 0 {
					t.breakers[name] = uint64(n)
				}
			}
		}
		for _, h := range c.Hosts {
			e := Endpoint{Address: h.Address.Pipe.Path, EDS: h.Health.EDS, Ejected: h.Health.Ejected, Failed: h.Health.Failed, counts: counted(h.Stats, "")}
			if e.Address == "" {
				e.Address = hostPort(h.Address.Socket.Address, h.Address.Socket.Port)
			}
			t.Endpoints = append(t.Endpoints, e)
		}
		return t, nil
	}
	return Traffic{}, nil
}

// StatsFilter is the regular expression that /stats needs as its filter for what [Traffic.Count] reads.
func (t *Traffic) StatsFilter() string {
	return "^" + regexp.QuoteMeta(t.prefix()) + `(lb_|ssl\.|upstream_)[a-z0-9_.]+$`
}

// Count takes the cluster's counts from Envoy's /stats?format=json.
func (t *Traffic) Count(stats []byte) error {
	var said struct {
		Stats []stat `json:"stats"`
	}
	if err := json.Unmarshal(stats, &said); err != nil {
		return fmt.Errorf("its stats: %w", err)
	}
	t.counts = counted(said.Stats, t.prefix())
	return nil
}

func (t *Traffic) prefix() string { return "cluster." + t.stat + "." }

// stat is a count in Envoy's JSON. Of an endpoint its value is a text, or missing for 0.
type stat struct {
	Name  string          `json:"name"`
	Value json.RawMessage `json:"value"`
}

func counted(all []stat, prefix string) map[string]uint64 {
	counts := map[string]uint64{}
	for _, s := range all {
		if name, is := strings.CutPrefix(s.Name, prefix); is {
			counts[name], _ = strconv.ParseUint(strings.Trim(string(s.Value), `"`), 10, 64) // what is no count is 0
		}
	}
	return counts
}

func hostPort(host string, port int) string {
	if strings.Contains(host, ":") { // IPv6
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(port)
}
