package translate

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

// state is an instance's health as Envoy gets it, the best first.
type state uint8

const (
	passing state = iota
	warning
	degraded // warning, with a warning weight of 0: no traffic while another endpoint is healthy
	critical
	maintenance
	dropped // not sent at all
)

// stateOf is the instance's health, as the policy wants it. Where the policy says nothing of it, a warning
// with a weight of 0, which Consul's DNS takes as no share at all, makes an instance degraded.
func stateOf(i catalog.Instance, p policy.Policy) state {
	switch i.Health {
	case catalog.Passing:
		return passing
	case catalog.Warning:
		if p.Warning == nil && i.Weights.Warning < 1 {
			return degraded
		}
		return wanted(p.Warning, warning)
	case catalog.Maintenance:
		return wanted(p.Maintenance, maintenance)
	default:
		return wanted(p.Critical, critical)
	}
}

// wanted is the state that a policy names, or the usual one.
func wanted(word *string, usual state) state {
	switch text(word) {
	case "drop":
		return dropped
	case "degraded":
		return degraded
	case "unhealthy":
		return critical
	default: // healthy, draining: what is usual for a warning and for maintenance
		return usual
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
