package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"syscall"

	"legate/internal/admin"
	"legate/internal/listen"
)

// listeners are opened before anything else starts, so that a port in use fails at once.
type listeners struct {
	xds, rest net.Listener        // plaintext; rest may be nil
	tls       *listen.Credentials // TLS of both; nil: none
	admin     []net.Listener      // the first is --admin-listen
	people    *listen.Credentials // TLS of --admin-listen; nil: none
	socket    string              // path of the admin unix socket; empty: none
	metrics   net.Listener        // may be nil
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
	if l.xds, err = o.listen(ctx, o.spotXDS()); err != nil {
		return l, err
	}
	one, err := o.listen(ctx, o.spotAdmin())
	if err != nil {
		return l, err
	}
	if path, isSocket := strings.CutPrefix(o.admin, unixScheme); isSocket {
		l.socket = path
	}
	l.admin = append(l.admin, l.people.Guard(one))
	if o.adminSocket != "" {
		socket, err := o.listen(ctx, spot{flag: "--admin-socket", address: unixScheme + o.adminSocket, access: o.adminAccess})
		if err != nil {
			return l, err
		}
		l.admin, l.socket = append(l.admin, socket), o.adminSocket
	}
	if o.metrics != "" {
		if l.metrics, err = o.listen(ctx, o.spotMetrics()); err != nil {
			return l, err
		}
	}
	if o.rest != "" {
		if l.rest, err = o.listen(ctx, o.spotREST()); err != nil {
			return l, err
		}
	}
	l.xds, l.rest = l.tls.Guard(l.xds), l.tls.Guard(l.rest)
	return l, nil
}

// adminSocket is the name of the socket in the state folder, if the user names none.
const adminSocket = "admin.sock"

// openSocket opens the admin socket in the state folder, unless the user named one. Without it, an
// operator would have to restart Legate to release a hold. A failure is logged, and Legate goes on
// without the socket.
func (o *listenOptions) openSocket(l *listeners, stateDir string, log *slog.Logger) {
	if l.socket != "" || stateDir == "" {
		return
	}
	path := filepath.Join(stateDir, adminSocket)
	socket, err := listen.Socket(path, o.adminAccess)
	if err != nil {
		log.Warn("no admin socket, going on without", "path", path, "error", err, "remedy", "name a path with --admin-socket")
		return
	}
	l.admin, l.socket = append(l.admin, socket), path
}

// credentials loads the certificates of a listener; nil without TLS.
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

// troubles returns what is wrong with the certificates now.
func (l listeners) troubles() []admin.Trouble {
	var all []admin.Trouble
	for _, one := range []struct {
		listener string
		shows    *listen.Credentials
		flag     string
	}{{"the xDS listeners", l.tls, "--tls"}, {"--admin-listen", l.people, "--admin-tls"}} {
		if bad := one.shows.Trouble(); bad != "" {
			all = append(all, admin.Trouble{Kind: "certificate", Detail: "certificate of " + one.listener + ": " + bad,
				Remedy: "renew the files of " + one.flag + "-cert and " + one.flag + "-key: they are read again by themselves"})
		}
	}
	return all
}

func (l listeners) close() {
	for _, one := range append([]net.Listener{l.xds, l.rest, l.metrics}, l.admin...) {
		if one != nil {
			_ = one.Close() // the rooms close theirs; this is for a failure before they run
		}
	}
}

// page is the address of the page for people.
func (o *listenOptions) page(l listeners) string {
	at := l.admin[0].Addr()
	switch {
	case at.Network() == "unix":
		return unixScheme + at.String()
	case o.adminTLS.On():
		return "https://" + at.String() + "/"
	}
	return "http://" + at.String() + "/"
}

// addressOf returns a listener's address in the form of the settings.
func addressOf(l net.Listener) string {
	switch {
	case l == nil:
		return "off"
	case l.Addr().Network() == "unix":
		return unixScheme + l.Addr().String()
	}
	return l.Addr().String()
}

// warn logs the listeners that do not authenticate their clients.
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

// unixScheme begins the address of a unix socket.
const unixScheme = "unix://"

// place returns the address to listen on. It fails if that address is not allowed.
func (o *listenOptions) place(s spot) (net.Addr, error) {
	if path, isSocket := strings.CutPrefix(s.address, unixScheme); isSocket {
		if !filepath.IsAbs(path) {
			return nil, usageError{fmt.Errorf("%s %q: want a whole path, such as unix:///run/legate/xds.sock", s.flag, s.address)}
		}
		return &net.UnixAddr{Name: path, Net: "unix"}, nil
	}
	to, err := net.ResolveTCPAddr("tcp", s.address)
	if err != nil {
		return nil, usageError{fmt.Errorf("%s %q: %s: want HOST:PORT, such as 127.0.0.1:18000 or [::1]:18000, or unix:///PATH", s.flag, s.address, why(err))}
	}
	if !to.IP.IsLoopback() {
		if err := o.permitted(s); err != nil {
			return nil, usageError{err}
		}
	}
	return to, nil
}

func (o *listenOptions) listen(ctx context.Context, s spot) (net.Listener, error) {
	at, err := o.place(s)
	if err != nil {
		return nil, err
	}
	to, tcp := at.(*net.TCPAddr)
	if !tcp {
		l, err := listen.Socket(at.String(), s.access)
		if err != nil {
			return nil, fmt.Errorf("%s %q: %w", s.flag, at, err)
		}
		return l, nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", to.String())
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s %q: another program (or another Legate) listens there: stop it (it is shown by: ss -ltnp 'sport = :%d'), or choose another port with %s", s.flag, s.address, to.Port, s.flag)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s %q: not allowed for this user: choose a port above 1023 with %s", s.flag, s.address, s.flag)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s %q: this machine does not have that address: choose one of its own with %s", s.flag, s.address, s.flag)
	case err != nil:
		return nil, fmt.Errorf("%s %q: %s", s.flag, s.address, why(err))
	}
	return l, nil
}

// why strips the address from a network error: the caller names it itself.
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
