package resolve

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// Config says how host names are resolved.
type Config struct {
	// Reach is by which addresses instances are reached: see catalog.Instance.Reach.
	Reach []string
	// Servers are the DNS servers, as IP or IP:port; none: those of ResolvConf.
	Servers []string
	// Refresh and Most are the shortest and the longest time between two answers about a name. A
	// name that fails is asked for again after Refresh, then less often, at least every Most.
	Refresh, Most time.Duration
	// Keep is how long addresses stay after DNS said that their name does not exist.
	Keep time.Duration
	// Grace is how long a service waits for the first answer about a name.
	Grace time.Duration
	// Timeout is how long one server may take for one answer; Tries, how often each is asked.
	Timeout time.Duration
	Tries   int
	// Queries bounds the names that are asked for at once.
	Queries int
	// ResolvConf and HostsFile are paths.
	ResolvConf, HostsFile string
}

// DefaultConfig resolves as the machine does.
func DefaultConfig() Config {
	return Config{
		Refresh: 5 * time.Second, Most: time.Minute, Keep: 10 * time.Minute, Grace: 3 * time.Second,
		Timeout: 2 * time.Second, Tries: 2, Queries: 64,
		ResolvConf: "/etc/resolv.conf", HostsFile: "/etc/hosts",
	}
}

// Validate reports every mistake in c at once.
func (c Config) Validate() error {
	var errs []error
	for _, s := range c.Servers {
		if _, err := serverAddress(s); err != nil {
			errs = append(errs, err)
		}
	}
	if c.Refresh <= 0 || c.Most < c.Refresh {
		errs = append(errs, fmt.Errorf("resolve refresh %v: must be above 0 and at most %v", c.Refresh, c.Most))
	}
	if c.Keep < 0 || c.Grace < 0 || c.Timeout <= 0 || c.Tries < 1 || c.Queries < 1 {
		errs = append(errs, errors.New("resolve: keep and grace must not be below 0; timeout, tries and queries must be above it"))
	}
	return errors.Join(errs...)
}

// serverAddress is a DNS server's host:port.
func serverAddress(s string) (string, error) {
	if ip, err := netip.ParseAddr(s); err == nil {
		return net.JoinHostPort(ip.String(), "53"), nil
	}
	if at, err := netip.ParseAddrPort(s); err == nil && at.Port() > 0 {
		return at.String(), nil
	}
	return "", fmt.Errorf("dns server %q: must be an IP address, or one with a port, such as 10.0.0.2 or 127.0.0.1:8600", s)
}
