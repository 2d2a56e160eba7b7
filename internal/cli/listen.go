package cli

import (
	"errors"
	"fmt"
	"math"
	"net"
	"slices"

	"legate/internal/admin"
	"legate/internal/listen"
)

// listenOptions are the addresses of the listeners and who may use them. A listener without TLS
// that other machines can reach must be allowed explicitly, each by its name.
type listenOptions struct {
	xds         string
	rest        string
	admin       string
	adminSocket string
	metrics     string
	insecure    []string // names of the listeners that are allowed

	tls, adminTLS       listen.TLS
	access, adminAccess listen.Access // of the unix sockets
	people              admin.Config
}

// Names of listeners for --insecure-listen.
const (
	xdsListener   = "xds"
	restListener  = "rest"
	adminListener = "admin"
)

const anAddress = "HOST:PORT|unix:///PATH"

func (o *listenOptions) settings() []*setting {
	const (
		category = "Listeners"
		people   = "Admin"
	)
	o.xds, o.admin, o.people = grpcAddress, "127.0.0.1:18001", admin.DefaultConfig()
	o.access.Mode, o.adminAccess.Mode = 0o660, 0o600
	settings := []*setting{
		text(&o.xds, setting{
			name: "xds-listen", env: "LEGATE_XDS_LISTEN", key: "xds.listen", category: category, hint: anAddress,
			usage: "Address for Envoys over gRPC: ADS and the services of each type, incremental and state of the world, and gRPC's health service. A unix socket, such as unix:///run/legate/xds.sock, serves Envoys on this machine.",
		}),
		shown(text(&o.rest, setting{
			name: "rest-listen", env: "LEGATE_REST_LISTEN", key: "xds.rest_listen", category: category, hint: anAddress,
			usage: "Address for Envoys that poll over REST (POST /v3/discovery:clusters and :endpoints), such as " + restAddress + ".",
		}), "off"),
		choices(&o.insecure, []string{xdsListener, restListener, adminListener}, setting{
			name: "insecure-listen", env: "LEGATE_INSECURE_LISTEN", key: "xds.insecure_listen", category: category, hint: "LISTENER",
			usage: "Allow this listener (xds, rest or admin) without TLS on an address that other machines can reach, although nothing is encrypted and clients are not authenticated.",
		}),
	}
	settings = append(settings, socketSettings(&o.access, "xds-socket", "LEGATE_XDS_SOCKET", "xds", category, "--xds-listen and --rest-listen, if they are unix sockets")...)
	settings = append(settings, tlsSettings(&o.tls, "tls", "LEGATE_TLS", "xds", category, "the xDS and REST listeners")...)
	settings = append(settings,
		text(&o.admin, setting{
			name: "admin-listen", env: "LEGATE_ADMIN_LISTEN", key: "admin.listen", category: people, hint: anAddress,
			usage: "Address for people and probes, over HTTP: a page at / and /services, /metrics, /healthz, /readyz, /api/v1, /debug/config_dump. It shows the whole catalog; changes need the token or a unix socket.",
		}),
		shown(text(&o.metrics, setting{
			name: "metrics-listen", env: "LEGATE_METRICS_LISTEN", key: "admin.metrics_listen", category: people, hint: anAddress,
			usage: "Address of a listener for monitoring only, in plaintext, such as 0.0.0.0:18003: /metrics, /healthz, and /readyz without the reason. It shows numbers and node names, but no catalog.",
		}), "off"),
		shown(text(&o.adminSocket, setting{
			name: "admin-socket", env: "LEGATE_ADMIN_SOCKET", key: "admin.socket", category: people, hint: "PATH",
			usage: "Unix socket that serves the same as --admin-listen. Whoever can open it can make changes without a token.",
		}), adminSocket+" in --state-dir"))
	settings = append(settings, socketSettings(&o.adminAccess, "admin-socket", "LEGATE_ADMIN_SOCKET", "admin", people, "the unix sockets for people")...)
	settings = append(settings,
		hostNames(&o.people.Hosts, setting{
			name: "admin-host", env: "LEGATE_ADMIN_HOST", key: "admin.host", category: people, hint: "NAME",
			usage: "Host name of --admin-listen, such as legate.internal, besides IP addresses, localhost, this machine's own name and the one in --admin-listen. Requests for other names are answered 421, since otherwise a foreign web page could make a browser read the catalog (DNS rebinding). /metrics and probes are answered under any name.",
		}),
		private(readable(text(&o.people.TokenFile, setting{
			name: "admin-token-file", env: "LEGATE_ADMIN_TOKEN_FILE", key: "admin.token_file", category: people, hint: "FILE",
			usage: "File with the token that allows changes over --admin-listen (Authorization: Bearer TOKEN). Read at each change.",
		}))),
		boolean(&o.people.Profiles, setting{
			name: "pprof", env: "LEGATE_PPROF", key: "admin.pprof", category: people,
			usage: "Serve Go's profiles at /debug/pprof/. Whoever reaches them can slow Legate down.",
		}))
	settings = append(settings, adminBounds(&o.people.Bounds, people)...)
	return append(settings, tlsSettings(&o.adminTLS, "admin-tls", "LEGATE_ADMIN_TLS", "admin", people, "--admin-listen")...)
}

// adminBounds are for the file only: docs/limits.md explains them.
func adminBounds(b *listen.Bounds, category string) []*setting {
	return []*setting{
		number(&b.Connections, 16, math.MaxInt32, setting{key: "admin.max_connections", category: category,
			usage: "Maximum number of open connections of each listener for people and probes."}),
		number(&b.PerAddress, 1, math.MaxInt32, setting{key: "admin.max_connections_per_address", category: category,
			usage: "Maximum number of these connections from one address."}),
	}
}

// hostNames is a setting of several host names.
func hostNames(to *[]string, s setting) *setting {
	names := list(to, s)
	names.set = func(v []string) error {
		for _, name := range v {
			if err := admin.ValidateHost(name); err != nil {
				return err
			}
		}
		*to = v
		return nil
	}
	return names
}

// names returns the host names that the admin listener accepts: those of --admin-host, the one in
// --admin-listen, and the name of this machine.
func (o *listenOptions) names() []string {
	names := slices.Concat(o.people.Hosts, []string{hostname()})
	if host, _, err := net.SplitHostPort(o.admin); err == nil && host != "" {
		names = append(names, host)
	}
	return names
}

// socketSettings say who may open unix sockets. Flags and variables begin with prefix and env, and
// the keys are in block.
func socketSettings(to *listen.Access, prefix, env, block, category, which string) []*setting {
	return []*setting{
		mode(&to.Mode, setting{
			name: prefix + "-mode", env: env + "_MODE", key: block + ".socket_mode", category: category, hint: "MODE",
			usage: "Mode, in octal, of " + which + ": whoever can write to a socket can connect.",
		}),
		shown(text(&to.Group, setting{
			name: prefix + "-group", env: env + "_GROUP", key: block + ".socket_group", category: category, hint: "GROUP",
			usage: "Their group, by name or number. Legate's user must be in it.",
		}), "Legate's own"),
	}
}

// validate reports settings that contradict each other.
func (o *listenOptions) validate() error {
	return errors.Join(o.tls.Validate("--tls"), o.adminTLS.Validate("--admin-tls"),
		o.access.Validate("--xds-socket"), o.adminAccess.Validate("--admin-socket"))
}

// spot describes one listener before it is opened.
type spot struct {
	name    string // for --insecure-listen; empty: allowed everywhere
	flag    string
	address string
	tlsFlag string
	tls     bool
	access  listen.Access
}

func (o *listenOptions) spotXDS() spot {
	return spot{xdsListener, "--xds-listen", o.xds, "--tls", o.tls.On(), o.access}
}

func (o *listenOptions) spotREST() spot {
	return spot{restListener, "--rest-listen", o.rest, "--tls", o.tls.On(), o.access}
}

func (o *listenOptions) spotAdmin() spot {
	return spot{adminListener, "--admin-listen", o.admin, "--admin-tls", o.adminTLS.On(), o.adminAccess}
}

func (o *listenOptions) spotMetrics() spot {
	return spot{flag: "--metrics-listen", address: o.metrics, access: o.adminAccess}
}

// spots returns the listeners that are configured, so that mistakes can be found without opening
// them.
func (o *listenOptions) spots() []spot {
	var all []spot
	for _, s := range []spot{o.spotXDS(), o.spotREST(), o.spotAdmin(), o.spotMetrics()} {
		if s.address != "" {
			all = append(all, s)
		}
	}
	return all
}

// permitted returns an error if the listener may not be reachable from other machines.
func (o *listenOptions) permitted(s spot) error {
	if s.tls || s.name == "" || slices.Contains(o.insecure, s.name) {
		return nil
	}
	return fmt.Errorf("%s %q: other machines could reach it, and it is not encrypted: give it a certificate with %s-cert and %[3]s-key, listen on 127.0.0.1, [::1] or a unix socket, or allow it with --insecure-listen %[4]s", s.flag, s.address, s.tlsFlag, s.name)
}
