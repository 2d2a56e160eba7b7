package register

import (
	"cmp"
	"errors"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"legate/discovery/consul"
)

// Facts are what there is to register, and how the agent reaches it.
//
// The registered address is the one that xDS listens on. If it listens on all addresses, it is the agent's, provided
// that the agent is on this machine, or else the one from which this machine reaches the agent.
type Facts struct {
	XDS, Metrics, Admin Listener
	Here                bool       // the agent is on this machine: it reaches loopback
	From                netip.Addr // from which this machine reaches the agent
	// Node and NodeAddress are of the agent. Empty: Legate may not know.
	Node, NodeAddress   string
	Host                string // this machine's name
	Version, Datacenter string // of Legate, and which it serves
}

// Listener is an address where Legate listens.
type Listener struct {
	Socket string         // path of a unix socket
	At     netip.AddrPort // else; not valid: there is no such listener
	TLS    bool
	Asks   bool // it takes only clients with a certificate
}

// Tag is in every registration.
const Tag = "xds"

// The agent looks as often as this, and waits so long. With a TTL it must hear of Legate within that time.
const (
	interval = 5 * time.Second
	timeout  = 3 * time.Second
	ttl      = 6 * interval
)

// ownMeta is what Legate says of itself. The cluster of its own service speaks gRPC.
func ownMeta(f Facts) map[string]string {
	return map[string]string{"version": f.Version, "datacenter": f.Datacenter, "legate-protocol": "grpc"}
}

// plan returns the registration.
func (c Config) plan(f Facts) (consul.Registration, error) {
	address, err := c.address(f)
	if err != nil {
		return consul.Registration{}, err
	}
	r := consul.Registration{
		ID: c.id(f), Name: c.Name, Address: address, Port: int(f.XDS.At.Port()), Socket: f.XDS.Socket,
		Tags: slices.Compact(slices.Sorted(slices.Values(append([]string{Tag}, c.Tags...)))), Meta: ownMeta(f),
	}
	maps.Copy(r.Meta, c.Meta)
	r.Checks, err = c.checks(f, r.ID)
	return r, err
}

// id is the same after each start on this host and port.
func (c Config) id(f Facts) string {
	where := strconv.Itoa(int(f.XDS.At.Port()))
	if f.XDS.Socket != "" {
		where = f.XDS.Socket
	}
	return cmp.Or(c.ID, strings.Map(func(r rune) rune {
		if strings.ContainsRune(".-_", r) || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '-'
	}, c.Name+"-"+f.Host+"-"+where))
}

// unplanned is the error of what cannot be registered as it is configured.
type unplanned struct{ what, remedy string }

func (e unplanned) Error() string { return e.what }

func (c Config) address(f Facts) (string, error) {
	at := f.XDS.At.Addr()
	switch {
	case c.Address != "":
		return c.Address, nil
	case f.XDS.Socket != "":
		return "", nil
	case at.IsLoopback() && !f.Here:
		return "", unplanned{"xDS listens on " + f.XDS.At.String() + ", which only this machine reaches, and Consul's agent is on another one",
			"listen on an address that others reach (--xds-listen), or name one with --register-address"}
	case !at.IsUnspecified():
		return at.Unmap().String(), nil
	case !f.Here:
		return f.From.String(), nil
	case f.Node != "" && !IsLabel(f.Node):
		return f.NodeAddress, nil // DNS says the node's name, and no resolver takes that
	}
	return "", nil
}

// reach is the host at which the agent reaches a listener; empty: it does not.
func (c Config) reach(f Facts, l Listener) string {
	at := l.At.Addr()
	switch {
	case !at.IsValid():
		return ""
	case f.Here && at.IsUnspecified():
		return "127.0.0.1"
	case f.Here:
		return at.Unmap().String()
	case at.IsLoopback():
		return ""
	case c.Address != "":
		return c.Address
	case at.IsUnspecified():
		return f.From.String()
	}
	return at.Unmap().String()
}

// checks are those that the agent can run; none of them: a TTL.
func (c Config) checks(f Facts, id string) (all []consul.AgentCheck, err error) {
	base := func(kind, name string) consul.AgentCheck {
		return consul.AgentCheck{ID: "service:" + id + ":" + kind, Name: name, RemoveAfter: c.RemoveAfter}
	}
	chosen := func(kind string) bool { return slices.Contains(c.Checks, kind) }
	grpc := func() bool {
		host := c.reach(f, f.XDS)
		if host == "" || f.XDS.Asks && !chosen(GRPC) {
			return false
		}
		check := base(GRPC, "Legate serves xDS")
		check.GRPC, check.TLS = join(host, f.XDS), f.XDS.TLS
		check.Interval, check.Timeout = interval, timeout
		all = append(all, check)
		return true
	}
	http := func() bool {
		for _, l := range []Listener{f.Metrics, f.Admin} {
			host := c.reach(f, l)
			if host == "" || l.Asks && !chosen(HTTP) {
				continue
			}
			scheme := "http://"
			if l.TLS {
				scheme = "https://"
			}
			check := base(HTTP, "Legate is ready")
			check.HTTP, check.TLS = scheme+join(host, l)+"/readyz", l.TLS
			check.Interval, check.Timeout = interval, timeout
			all = append(all, check)
			return true
		}
		return false
	}
	tell := func() bool {
		check := base(TTL, "Legate says that it is ready")
		check.TTL = ttl
		all = append(all, check)
		return true
	}
	if len(c.Checks) == 0 {
		if one, other := grpc(), http(); !one && !other {
			tell()
		}
		return all, nil
	}
	for _, of := range []struct {
		kind string
		make func() bool
	}{{GRPC, grpc}, {HTTP, http}, {TTL, tell}} {
		if chosen(of.kind) && !of.make() {
			err = errors.Join(err, unplanned{"Consul's agent reaches no listener for a check of the kind " + of.kind,
				"listen on an address that the agent reaches (--xds-listen, --metrics-listen), or leave the choice to Legate: without --register-check"})
		}
	}
	return all, err
}

func join(host string, l Listener) string {
	return net.JoinHostPort(host, strconv.Itoa(int(l.At.Port())))
}

func isIP(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}
