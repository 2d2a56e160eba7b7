package discovery

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/discovery/guard"
	"legate/discovery/watch"
)

// Config says which Consul is watched, how, and which of its services.
type Config struct {
	// Consul is where Consul is, and how it is asked.
	Consul consul.Config
	// Watch is how it is watched.
	Watch watch.Config
	// Guard says which losses are not believed at once.
	Guard guard.Config

	// Datacenters and Peers are followed beside the own datacenter; All stands for every one that Consul
	// knows. The own datacenter may be named, and means nothing.
	Datacenters []string
	Peers       []string
	// RemoteServices is which of their services are followed: RemoteAll or RemoteFailover.
	RemoteServices string
	// SiteWait is how long the first Delta waits for them at the most.
	SiteWait time.Duration

	// What is served; see [catalog.Selection].
	Include []string
	Exclude []string
	Tags    []string

	// Linger is how long a service is followed that nobody wants any more; see [Watcher.Follow].
	Linger time.Duration
}

// DefaultConfig watches the agent on this machine.
func DefaultConfig() Config {
	return Config{
		Consul: consul.DefaultConfig(),
		Watch:  watch.DefaultConfig(),
		Guard:  guard.DefaultConfig(),
		Linger: 10 * time.Minute,

		SiteWait: defaultSiteWait, RemoteServices: RemoteAll,
	}
}

// Validate reports every mistake in c at once.
func (c Config) Validate() error {
	errs := []error{c.Consul.Validate(), c.Watch.Validate(), c.Guard.Validate()}
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	errs = append(errs, c.connections(c.Consul.Datacenter))
	for what, names := range map[string][]string{"datacenter": c.Datacenters, "peer": c.Peers} {
		for _, name := range names {
			if flaw := badName(name); flaw != "" {
				bad("%s %q: %s", what, name, flaw)
			}
		}
	}
	if c.RemoteServices != RemoteAll && c.RemoteServices != RemoteFailover {
		bad("remote services %q: must be %s or %s", c.RemoteServices, RemoteAll, RemoteFailover)
	}
	for _, glob := range slices.Concat(c.Include, c.Exclude) {
		if strings.TrimSpace(glob) == "" {
			bad("service glob %q: is empty and would match nothing; use * for every service", glob)
		}
	}
	for _, tag := range c.Tags {
		if tag == "" {
			bad("service tag %q: is empty", tag)
		}
	}
	return errors.Join(errs...)
}

// connections reports that there are too few for the own datacenter and the sites that are named. While it is not known what
// the own one is called, one of the datacenters that are named can be it.
func (c Config) connections(home string) error {
	least, others, most := c.Watch.MinConnections(), len(c.sites(catalog.Site{Datacenter: home})), c.Consul.MaxConnections
	if home == "" && slices.ContainsFunc(c.Datacenters, func(name string) bool { return name != All }) {
		others--
	}
	switch need := least + others*watch.SiteConnections; {
	case most < least:
		return fmt.Errorf("consul connections %d: at least %d are needed, three less without config entries", most, least)
	case most < need && !c.Consul.HTTPS():
		return fmt.Errorf("consul connections %d: at least %d are needed over plain HTTP, %d for the own datacenter and %d for each of %d others: use HTTPS, or raise --max-connections",
			most, need, least, watch.SiteConnections, others)
	}
	return nil
}

// Selection is what a Watcher starts with.
func (c Config) Selection() catalog.Selection {
	return catalog.Selection{Include: c.Include, Exclude: c.Exclude, Tags: c.Tags}
}

// Selecting is c with another selection.
func (c Config) Selecting(s catalog.Selection) Config {
	c.Include, c.Exclude, c.Tags = s.Include, s.Exclude, s.Tags
	return c
}
