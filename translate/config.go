package translate

import (
	"errors"
	"fmt"
	"math"
	"time"

	"legate/discovery/catalog"
)

// Config says how a catalog is translated. It is a value: a changed Config needs a new [New].
type Config struct {
	// Datacenter is the own one. Its services are named by their name alone and are the only
	// ones served; it is also the region of instances of which Consul knows no other.
	Datacenter string
	// Reach is by which of their addresses instances are reached: see catalog.Instance.Reach.
	Reach []string
	// Resolved says that host names come resolved, in catalog.Service.Hosts. Otherwise a service
	// with a host name becomes a DNS cluster, which Envoy resolves.
	Resolved bool
	// Defaults are the settings of every service.
	Defaults Settings
}

// Settings are what an operator can choose for a service's cluster.
type Settings struct {
	// ConnectTimeout bounds one TCP connect of Envoy to an endpoint; above 0.
	ConnectTimeout time.Duration
	// HealthyPanicThreshold is the percentage of usable endpoints, 0 to 100, below which Envoy
	// disregards health and spreads over all of them. 0 never does: since critical instances
	// are sent as unhealthy, anything above it would send them traffic again.
	HealthyPanicThreshold float64
	// DNSRefresh is the time between two resolutions of a host name by Envoy, in clusters of
	// services that have one and unless Config.Resolved; above 1 ms.
	DNSRefresh time.Duration
}

// DefaultConfig is a Config that lacks the datacenter only.
func DefaultConfig() Config {
	return Config{Resolved: true, Defaults: Settings{
		ConnectTimeout: 5 * time.Second,
		DNSRefresh:     5 * time.Second,
	}}
}

// Validate reports everything in c that Envoy would reject in every cluster, or that makes
// names ambiguous.
func (c Config) Validate() error {
	var errs []error
	if c.Datacenter == "" {
		errs = append(errs, errors.New(`datacenter "": set the name of the own Consul datacenter`))
	} else if reason := unfit(c.Datacenter); reason != "" {
		errs = append(errs, fmt.Errorf("datacenter %s: %s", quote(c.Datacenter), reason))
	}
	return errors.Join(append(errs, c.Defaults.Validate())...)
}

// Validate reports every setting that Envoy would reject.
func (s Settings) Validate() error {
	var errs []error
	if s.ConnectTimeout <= 0 {
		errs = append(errs, fmt.Errorf(`connect timeout "%v": must be above 0, such as 5s`, s.ConnectTimeout))
	}
	if p := s.HealthyPanicThreshold; math.IsNaN(p) || p < 0 || p > 100 {
		errs = append(errs, fmt.Errorf(`healthy panic threshold "%v": must be a percentage from 0 to 100`, p))
	}
	if s.DNSRefresh <= time.Millisecond {
		errs = append(errs, fmt.Errorf(`dns refresh "%v": must be above 1ms, such as 5s`, s.DNSRefresh))
	}
	return errors.Join(errs...)
}

// settingsFor returns the settings of one service. It is the one place that decides them.
func (c Config) settingsFor(catalog.ServiceKey) Settings { return c.Defaults }
