package translate

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"legate/discovery/catalog"
)

// state is an instance's health as Envoy is told it, in the order of gravity.
type state uint8

const (
	passing state = iota
	warning
	spare // warning, with a warning weight of 0: no traffic while there is somebody else
	critical
	maintenance
)

// stateOf is the instance's health, and what its weights make of a warning: Consul keeps a warning
// weight of 0, and its DNS gives such an instance no share.
func stateOf(i catalog.Instance) state {
	switch i.Health {
	case catalog.Passing:
		return passing
	case catalog.Warning:
		if i.Weights.Warning < 1 {
			return spare
		}
		return warning
	case catalog.Maintenance:
		return maintenance
	default:
		return critical
	}
}

// status: a critical instance is never left out, so that Envoy can tell "sick" from "gone";
// warning is healthy, as it is for Consul's DNS, and only its weight differs.
func (s state) status() corev3.HealthStatus {
	switch s {
	case passing, warning:
		return corev3.HealthStatus_HEALTHY
	case spare:
		return corev3.HealthStatus_DEGRADED
	case maintenance:
		return corev3.HealthStatus_DRAINING
	default:
		return corev3.HealthStatus_UNHEALTHY
	}
}
