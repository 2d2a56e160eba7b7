package translate

import (
	"errors"
	"fmt"
	"math"
	"time"

	"legate/discovery/catalog"
)

// Config says how a catalog is translated. It is a value: Resources keep the one they were made with,
// and [Resources.View] makes those of another.
type Config struct {
	// Datacenter is the one whose services are served, each by its name alone. It is also the region
	// of instances for which Consul knows none.
	Datacenter string
	// Reach says at which of their addresses instances are reached: see catalog.Instance.Reach.
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
	// HealthyPanicThreshold is a percentage, 0 to 100. When fewer endpoints than that are healthy, Envoy
	// disregards health and spreads requests over all endpoints. With 0 it never does. Critical
	// instances are sent as unhealthy, so anything above 0 can send requests to them.
	HealthyPanicThreshold float64
	// DNSRefresh is how long Envoy waits before it resolves a host name again, in DNS clusters (those
	// of services with host names, if Config.Resolved is false); above 1 ms.
	DNSRefresh time.Duration
}

// DefaultConfig is complete but for the datacenter.
func DefaultConfig() Config {
	return Config{Resolved: true, Defaults: Settings{
		ConnectTimeout: 5 * time.Second,
		DNSRefresh:     5 * time.Second,
	}}
}

// Validate reports everything in c that Envoy would reject in every cluster, and a datacenter whose
// name cannot be a region.
func (c Config) Validate() error {
	var errs []error
	if c.Datacenter == "" {
		errs = append(errs, errors.New(`datacenter "": set the name of the own Consul datacenter`))
	} else if reason := invalidName(c.Datacenter); reason != "" {
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

// settingsFor returns the settings of a service. It is the only place that decides them.
func (c Config) settingsFor(catalog.ServiceKey) Settings { return c.Defaults }
