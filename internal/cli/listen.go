package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// listenOptions are where Legate can be reached. Nothing of it is encrypted yet, so that
// whatever other machines can reach needs the user's word.
type listenOptions struct {
	xds      string
	rest     string
	admin    string
	insecure bool
}

func (o *listenOptions) settings() []*setting {
	const category = "Listeners"
	o.xds, o.admin = grpcAddress, "127.0.0.1:18001"
	return []*setting{
		text(&o.xds, setting{
			name: "xds-listen", env: "LEGATE_XDS_LISTEN", key: "xds.listen", category: category, hint: "HOST:PORT",
			usage: "Where Envoy asks, over gRPC: ADS and the per-type services, incremental and state of the world, and gRPC's health service.",
		}),
		shown(text(&o.rest, setting{
			name: "rest-listen", env: "LEGATE_REST_LISTEN", key: "xds.rest_listen", category: category, hint: "HOST:PORT",
			usage: "Where Envoy can poll over REST (POST /v3/discovery:clusters and :endpoints), such as " + restAddress + ".",
		}), "off"),
		text(&o.admin, setting{
			name: "admin-listen", env: "LEGATE_ADMIN_LISTEN", key: "admin.listen", category: category, hint: "HOST:PORT",
			usage: "Where people and probes look, over HTTP: a page at /, /metrics, /healthz, /readyz, /api/v1/status, /debug/config_dump. It shows the whole catalog, and changes nothing.",
		}),
		boolean(&o.insecure, setting{
			name: "insecure-listen", env: "LEGATE_INSECURE_LISTEN", key: "xds.insecure_listen", category: category,
			usage: "Allow listeners that other machines can reach, although nothing is encrypted and nobody has to prove who they are.",
		}),
	}
}

// listeners are open before anything else starts, so that a port in use fails at once.
type listeners struct {
	xds, rest, admin net.Listener // rest may be nil
}

func (o *listenOptions) open(ctx context.Context) (l listeners, err error) {
	defer func() {
		if err != nil {
			l.close()
			l = listeners{}
		}
	}()
	if l.xds, err = o.listen(ctx, "--xds-listen", o.xds); err != nil {
		return l, err
	}
	if l.admin, err = o.listen(ctx, "--admin-listen", o.admin); err != nil {
		return l, err
	}
	if o.rest != "" {
		l.rest, err = o.listen(ctx, "--rest-listen", o.rest)
	}
	return l, err
}

func (l listeners) close() {
	for _, one := range []net.Listener{l.xds, l.rest, l.admin} {
		if one != nil {
			_ = one.Close() // the rooms close theirs; this is for the way out before they run
		}
	}
}

func (o *listenOptions) listen(ctx context.Context, flag, address string) (net.Listener, error) {
	to, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, usageError{fmt.Errorf("%s %q: %s: want HOST:PORT, such as 127.0.0.1:18000 or [::1]:18000", flag, address, why(err))}
	}
	if !o.insecure && !to.IP.IsLoopback() {
		return nil, usageError{fmt.Errorf("%s %q: other machines could reach it, and it is not encrypted: listen on 127.0.0.1 or [::1], or allow it with --insecure-listen", flag, address)}
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", to.String())
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s %q: another program (or another Legate) listens there: stop it (it is shown by: ss -ltnp 'sport = :%d'), or choose another port with %s", flag, address, to.Port, flag)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s %q: not allowed for this user: choose a port above 1023 with %s", flag, address, flag)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s %q: this machine does not have that address: choose one of its own with %s", flag, address, flag)
	case err != nil:
		return nil, fmt.Errorf("%s %q: %s", flag, address, why(err))
	}
	return l, nil
}

// why is the cause of a network error without the address, which the caller names itself.
func why(err error) string {
	var op *net.OpError
	var dns *net.DNSError
	var addr *net.AddrError
	switch {
	case errors.As(err, &dns):
		return dns.Err
	case errors.As(err, &addr):
		return addr.Err
	case errors.As(err, &op):
		return op.Err.Error()
	}
	return err.Error()
}
