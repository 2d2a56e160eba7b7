package translate

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"legate/discovery/catalog"
)

// state is an instance's health as Envoy gets it, the best first.
type state uint8

const (
	passing state = iota
	warning
	degraded // warning, with a warning weight of 0: no traffic while another endpoint is healthy
	critical
	maintenance
)

// stateOf is the instance's health. With a warning weight of 0, which Consul's DNS takes as no share at
// all, a warning makes it degraded.
func stateOf(i catalog.Instance) state {
	switch i.Health {
	case catalog.Passing:
		return passing
	case catalog.Warning:
		if i.Weights.Warning < 1 {
			return degraded
		}
		return warning
	case catalog.Maintenance:
		return maintenance
	default:
		return critical
	}
}

// status is the state in Envoy's words. A critical instance is not left out, so that Envoy can tell
// unhealthy from gone. A warning is healthy, as it is for Consul's DNS; only its weight differs.
func (s state) status() corev3.HealthStatus {
	switch s {
	case passing, warning:
		return corev3.HealthStatus_HEALTHY
	case degraded:
		return corev3.HealthStatus_DEGRADED
	case maintenance:
		return corev3.HealthStatus_DRAINING
	default:
		return corev3.HealthStatus_UNHEALTHY
	}
}
