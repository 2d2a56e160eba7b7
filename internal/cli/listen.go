package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"syscall"

	"legate/internal/admin"
	"legate/internal/listen"
)

// listenOptions are where Legate can be reached, and by whom. What other machines can reach
// without TLS needs the user's word.
type listenOptions struct {
	xds         string
	rest        string
	admin       string
	adminSocket string
	insecure    bool

	tls, adminTLS listen.TLS
	people        admin.Config
}

func (o *listenOptions) settings() []*setting {
	const (
		category = "Listeners"
		people   = "Admin"
	)
	o.xds, o.admin = grpcAddress, "127.0.0.1:18001"
	settings := []*setting{
		text(&o.xds, setting{
			name: "xds-listen", env: "LEGATE_XDS_LISTEN", key: "xds.listen", category: category, hint: "HOST:PORT",
			usage: "Where Envoy asks, over gRPC: ADS and the per-type services, incremental and state of the world, and gRPC's health service.",
		}),
		shown(text(&o.rest, setting{
			name: "rest-listen", env: "LEGATE_REST_LISTEN", key: "xds.rest_listen", category: category, hint: "HOST:PORT",
			usage: "Where Envoy can poll over REST (POST /v3/discovery:clusters and :endpoints), such as " + restAddress + ".",
		}), "off"),
		boolean(&o.insecure, setting{
			name: "insecure-listen", env: "LEGATE_INSECURE_LISTEN", key: "xds.insecure_listen", category: category,
			usage: "Allow listeners without TLS that other machines can reach, although nothing is encrypted and nobody has to prove who they are.",
		}),
	}
	settings = append(settings, tlsSettings(&o.tls, "tls", "LEGATE_TLS", "xds", category, "the xDS and REST listeners")...)
	settings = append(settings,
		text(&o.admin, setting{
			name: "admin-listen", env: "LEGATE_ADMIN_LISTEN", key: "admin.listen", category: people, hint: "HOST:PORT",
			usage: "Where people and probes look, over HTTP: a page at /, /metrics, /healthz, /readyz, /api/v1/status, /debug/config_dump. It shows the whole catalog; what changes something needs the token or the socket.",
		}),
		shown(text(&o.adminSocket, setting{
			name: "admin-socket", env: "LEGATE_ADMIN_SOCKET", key: "admin.socket", category: people, hint: "PATH",
			usage: "Unix socket with the same, that only Legate's own user can open. Over it changes are allowed without a token.",
		}), adminSocket+" in --state-dir"),
		readable(text(&o.people.TokenFile, setting{
			name: "admin-token-file", env: "LEGATE_ADMIN_TOKEN_FILE", key: "admin.token_file", category: people, hint: "FILE",
			usage: "File with the token that allows changes over --admin-listen (Authorization: Bearer TOKEN). Read at each change.",
		})),
		boolean(&o.people.Profiles, setting{
			name: "pprof", env: "LEGATE_PPROF", key: "admin.pprof", category: people,
			usage: "Serve Go's profiles at /debug/pprof/. Whoever reaches them can slow Legate down.",
		}))
	return append(settings, tlsSettings(&o.adminTLS, "admin-tls", "LEGATE_ADMIN_TLS", "admin", people, "--admin-listen")...)
}

// validate says what does not fit together.
func (o *listenOptions) validate() error {
	return errors.Join(o.tls.Validate("--tls"), o.adminTLS.Validate("--admin-tls"))
}

// listeners are open before anything else starts, so that a port in use fails at once.
type listeners struct {
	xds, rest net.Listener        // in the clear; rest may be nil
	tls       *listen.Credentials // what both then speak; nil: nothing
	admin     []net.Listener      // the first is that of --admin-listen
	people    *listen.Credentials // what it speaks already; nil: nothing
}

func (o *listenOptions) open(ctx context.Context, log *slog.Logger) (l listeners, err error) {
	defer func() {
		if err != nil {
			l.close()
			l = listeners{}
		}
	}()
	if l.tls, err = credentials(o.tls, "--tls", log); err != nil {
		return l, err
	}
	if l.people, err = credentials(o.adminTLS, "--admin-tls", log); err != nil {
		return l, err
	}
	if l.xds, err = o.listen(ctx, "--xds-listen", "--tls", o.xds, o.tls.On()); err != nil {
		return l, err
	}
	one, err := o.listen(ctx, "--admin-listen", "--admin-tls", o.admin, o.adminTLS.On())
	if err != nil {
		return l, err
	}
	if l.people != nil {
		one = tls.NewListener(one, l.people.Config())
	}
	l.admin = append(l.admin, one)
	if o.adminSocket != "" {
		socket, err := listen.Socket(o.adminSocket)
		if err != nil {
			return l, fmt.Errorf("--admin-socket %q: %w", o.adminSocket, err)
		}
		l.admin, o.people.Socket = append(l.admin, socket), o.adminSocket
	}
	if o.rest != "" {
		l.rest, err = o.listen(ctx, "--rest-listen", "--tls", o.rest, o.tls.On())
	}
	return l, err
}

// adminSocket is the name of the socket that is made where the user names none.
const adminSocket = "admin.sock"

// openSocket opens one beside the last known catalog, unless the user named one: who is on call
// shall not have to restart Legate to release what it holds. Legate goes on without.
func (o *listenOptions) openSocket(l *listeners, stateDir string, log *slog.Logger) {
	if o.adminSocket != "" || stateDir == "" {
		return
	}
	path := filepath.Join(stateDir, adminSocket)
	socket, err := listen.Socket(path)
	if err != nil {
		log.Warn("no admin socket, going on without", "path", path, "error", err, "remedy", "name a path with --admin-socket")
		return
	}
	l.admin, o.people.Socket = append(l.admin, socket), path
}

// credentials are what TLS is spoken with; nil without TLS.
func credentials(t listen.TLS, flag string, log *slog.Logger) (*listen.Credentials, error) {
	if !t.On() {
		return nil, nil
	}
	c, err := listen.NewCredentials(t, flag, log)
	if err != nil {
		return nil, usageError{fmt.Errorf("%s: %w", flag, err)}
	}
	return c, nil
}

func (l listeners) close() {
	for _, one := range append([]net.Listener{l.xds, l.rest}, l.admin...) {
		if one != nil {
			_ = one.Close() // the rooms close theirs; this is for the way out before they run
		}
	}
}

// page is where people look.
func (o *listenOptions) page(l listeners) string {
	scheme := "http"
	if o.adminTLS.On() {
		scheme = "https"
	}
	return scheme + "://" + l.admin[0].Addr().String() + "/"
}

// warn tells what others can do whom nobody asks who they are.
func (o *listenOptions) warn(l listeners, log *slog.Logger) {
	for _, one := range []struct {
		listener net.Listener
		flag     string
		tls      listen.TLS
	}{{l.xds, "--tls", o.tls}, {l.rest, "--tls", o.tls}, {l.admin[0], "--admin-tls", o.adminTLS}} {
		if one.listener == nil {
			continue
		}
		at, tcp := one.listener.Addr().(*net.TCPAddr)
		switch {
		case !tcp || at.IP.IsLoopback() || one.tls.ClientCAFile != "":
		case one.tls.On():
			log.Warn("listener asks nobody who they are: whoever reaches it can read the catalog", "listen", at.String(), "remedy", "ask for certificates with "+one.flag+"-client-ca")
		default:
			log.Warn("listener is not encrypted and asks nobody who they are", "listen", at.String(), "remedy", "give it "+one.flag+"-cert, "+one.flag+"-key and "+one.flag+"-client-ca")
		}
	}
}

func (o *listenOptions) listen(ctx context.Context, flag, tlsFlag, address string, encrypted bool) (net.Listener, error) {
	to, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, usageError{fmt.Errorf("%s %q: %s: want HOST:PORT, such as 127.0.0.1:18000 or [::1]:18000", flag, address, why(err))}
	}
	if !encrypted && !o.insecure && !to.IP.IsLoopback() {
		return nil, usageError{fmt.Errorf("%s %q: other machines could reach it, and it is not encrypted: give it a certificate with %s-cert and %[3]s-key, listen on 127.0.0.1 or [::1], or allow it with --insecure-listen", flag, address, tlsFlag)}
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
