package translate

import (
	"errors"
	"fmt"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

// Config says how a catalog is translated. It is a value: Resources keep the one they were made with,
// and [Resources.View] makes those of another.
type Config struct {
	// Datacenter is the own one: its services are served by their names alone. It is also the region
	// of its instances for which Consul knows none.
	Datacenter string
	// Remote says that services of other datacenters and of peers are served as well, each by its name with
	// where it is: web.dc2, web.cluster01.peer.
	Remote bool
	// Reach says at which of their addresses instances are reached: see catalog.Instance.Reach.
	Reach []string
	// Resolved says that host names come resolved, in catalog.Service.Hosts. Otherwise a service
	// with a host name becomes a DNS cluster, which Envoy resolves.
	Resolved bool
	// Defaults is the policy of every service, for all that nobody else says.
	Defaults policy.Policy

	base policy.Layer // Defaults, set by New
}

// DefaultConfig is complete but for the datacenter.
func DefaultConfig() Config { return Config{Remote: true, Resolved: true, Defaults: policy.Default()} }

// site is where the services are that are served by their names alone.
func (c Config) site() catalog.Site { return catalog.Site{Datacenter: c.Datacenter} }

// Validate reports everything in c that Envoy would reject in every cluster, and a datacenter whose
// name cannot be a region.
func (c Config) Validate() error {
	var errs []error
	if c.Datacenter == "" {
		errs = append(errs, errors.New(`datacenter "": set the name of the own Consul datacenter`))
	} else if reason := invalidName(c.Datacenter); reason != "" {
		errs = append(errs, fmt.Errorf("datacenter %s: %s", quote(c.Datacenter), reason))
	}
	for _, m := range c.Defaults.Validate() {
		errs = append(errs, m)
	}
	return errors.Join(errs...)
}
