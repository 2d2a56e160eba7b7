package consul

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"unicode"
)

// address is where Consul's HTTP API is, taken apart.
type address struct {
	network string // tcp or unix
	dial    string // host:port, or the socket's path
	scheme  string // http or https
	prefix  string // path in front of /v1, for a reverse proxy
}

const addressRemedy = "use host:port, http://host:port, https://host:port or unix:///path"

// parseAddress reads an address as Consul's own tools write it in CONSUL_HTTP_ADDR.
// https://developer.hashicorp.com/consul/commands#consul_http_addr
func parseAddress(s, scheme string) (address, error) {
	a := address{network: "tcp", scheme: scheme}
	switch scheme {
	case "":
		a.scheme = "http"
	case "http", "https":
	default:
		return address{}, fmt.Errorf("consul scheme %q: must be http or https", scheme)
	}
	if strings.ContainsAny(s, "?#") {
		return address{}, fmt.Errorf("consul address %q: an address has no query: a token goes into $CONSUL_HTTP_TOKEN or a file, a datacenter into --datacenter", printable(s))
	}
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return address{}, fmt.Errorf("consul address %q: it has white space in it: %s", printable(s), addressRemedy)
	}
	rest := s
	if before, after, found := strings.Cut(s, "://"); found {
		rest = after
		switch before {
		case "http": // never back to http where https was asked for
		case "https":
			a.scheme = "https"
		case "unix":
			if rest == "" {
				return address{}, fmt.Errorf("consul address %q: no path: %s", printable(s), addressRemedy)
			}
			a.network, a.dial = "unix", rest
			return a, nil
		default:
			return address{}, fmt.Errorf("consul address %q: unknown scheme %q: %s", printable(s), printable(before), addressRemedy)
		}
	}
	host, path, _ := strings.Cut(rest, "/")
	if path = strings.Trim(path, "/"); path != "" {
		a.prefix = "/" + path
	}
	a.dial = withPort(host, a.scheme)
	name, port, err := net.SplitHostPort(a.dial)
	if err != nil || name == "" || port == "" || strings.Contains(host, "@") {
		return address{}, fmt.Errorf("consul address %q: not an address: %s", printable(s), addressRemedy)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return address{}, fmt.Errorf("consul address %q: %q is not a port: %s", printable(s), port, addressRemedy)
	}
	return a, nil
}

// printable is an address without what may be secret in one that somebody wrote wrongly: all in
// front of an @, which is user and password, and all of a query.
func printable(s string) string {
	scheme, rest, found := strings.Cut(s, "://")
	if found && !strings.ContainsAny(scheme, ":@") {
		return scheme + "://" + printable(rest)
	}
	if i := strings.LastIndex(s, "@"); i >= 0 {
		s = "***" + s[i:]
	}
	if i := strings.IndexAny(s, "?#"); i >= 0 {
		s = s[:i+1] + "***"
	}
	return s
}

// withPort adds the scheme's own port where there is none, as an HTTP client would.
func withPort(host, scheme string) string {
	if host == "" || strings.LastIndex(host, ":") > strings.LastIndex(host, "]") {
		return host
	}
	if scheme == "https" {
		return host + ":443"
	}
	return host + ":80"
}

// host is what goes into the URL and the Host header. A socket has none.
func (a address) host() string {
	if a.network == "unix" {
		return "localhost"
	}
	return a.dial
}

// String is the address as a person would write it.
func (a address) String() string {
	if a.network == "unix" {
		return "unix://" + a.dial
	}
	return a.scheme + "://" + a.dial + a.prefix
}
