package listen

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
)

// errSAN is why a client that proved who it is may not connect.
var errSAN = errors.New("no name in the client's certificate is allowed here")

// allowed reports whether the client's certificate carries one of the names. It is asked for
// resumed sessions too.
func allowed(s tls.ConnectionState, globs []string) error {
	if len(globs) == 0 {
		return nil
	}
	if len(s.PeerCertificates) == 0 {
		return errSAN
	}
	for _, name := range names(s.PeerCertificates[0]) {
		for _, glob := range globs {
			if match(glob, name) {
				return nil
			}
		}
	}
	return errSAN
}

// names are those that a certificate is for, URIs first: they name a workload, DNS names a host.
func names(c *x509.Certificate) []string {
	var out []string
	for _, u := range c.URIs {
		out = append(out, u.String())
	}
	return append(out, c.DNSNames...)
}

// match reports whether the name is what the glob says. * is any run of characters, slashes and
// dots included; ? is any one. It takes at most the product of both lengths, whatever a client
// has had written into its certificate.
func match(glob, name string) bool {
	g, n := 0, 0
	star, upTo := -1, 0 // where the last * stands, and up to where it swallowed the name
	for n < len(name) {
		switch {
		case g < len(glob) && glob[g] == '*':
			star, upTo = g, n
			g++
		case g < len(glob) && (glob[g] == '?' || glob[g] == name[n]):
			g++
			n++
		case star >= 0:
			upTo++
			g, n = star+1, upTo
		default:
			return false
		}
	}
	return strings.Trim(glob[g:], "*") == ""
}
