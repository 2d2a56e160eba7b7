package admin

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"legate/internal/quote"
)

// DNS rebinding: a foreign web page may read what its own host name answers. If that name resolves
// to the foreign server first and to this machine later, the browser of somebody who looks at the
// page reads Legate for it. So Legate's data is served only under Legate's own names. An IP address
// needs no check: a page has the origin of an address only if that address sent it. Over TLS the
// certificate says who Legate is, and browsers do not open unix sockets.

// hosts are Legate's own names, besides those of loopback.
type hosts map[string]bool

func hostsOf(names []string) hosts {
	h := hosts{}
	for _, name := range names {
		h[canonical(name)] = true
	}
	return h
}

// knows reports whether a request names Legate as its host.
func (h hosts) knows(r *http.Request) bool {
	if r.TLS != nil || overSocket(r) {
		return true
	}
	name := nameOf(r.Host)
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || h[name]
}

// nameOf returns the name or address in a Host header, without the port.
func nameOf(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return canonical(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
}

func canonical(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// overSocket reports whether a request came over a unix socket.
func overSocket(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ok && local.Network() == "unix"
}

// requireOwnHost passes on only requests that name Legate as their host.
func (s *Server) requireOwnHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.hosts.knows(r) {
			next.ServeHTTP(w, r)
			return
		}
		name := quote.Name(nameOf(r.Host))
		remedy := "ask for an address, such as http://127.0.0.1:18001/, or, if this is a name of Legate's, start it with --admin-host " + name
		s.refusals.Add(refusedHost, r.RemoteAddr, "asked for as "+name, "nothing, if nobody of yours asks by that name; else --admin-host "+name)
		http.Error(w, fmt.Sprintf("legate does not know that it is called %s: %s", name, remedy), http.StatusMisdirectedRequest)
	})
}

// ValidateHost returns what is wrong with a name in Config.Hosts.
func ValidateHost(name string) error {
	if name == "" || strings.ContainsAny(name, "/:*@ \t") {
		return fmt.Errorf("%q is no host name: give it as it stands in the address that people ask for, without scheme and port, such as legate.internal", name)
	}
	return nil
}
