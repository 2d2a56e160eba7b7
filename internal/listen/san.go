package listen

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/spiffe/go-spiffe/v2/spiffeid"

	"legate/internal/glob"
)

// A pattern is for URIs if it begins with a scheme, and for DNS names otherwise. It is matched part
// by part, so no wildcard crosses a slash or a dot. * matches any run of characters within a path
// segment or a host label, and ? any single one. A part that is ** matches one or more parts.
// Schemes, hosts and DNS names are case-insensitive.
//
// A URI in a certificate counts only if it is the only one, and if it is unambiguous: SPIFFE IDs as
// specified, other URIs without escapes, user, query, fragment, and empty or dot segments.

// pattern is one of TLS.AllowedSANs.
type pattern struct {
	uri   bool
	parts name
}

// name is what patterns are matched with: the parts of a URI or DNS name.
type name struct {
	scheme string // URIs only
	port   string
	host   []string // labels
	path   []string // segments
	opaque bool     // a URI without a host, such as urn:a:b; colons separate the parts of its path
}

// errSAN means that an authenticated client may not connect.
var errSAN = errors.New("no name in the client's certificate is allowed here")

// allowed returns an error unless a name in a client's certificate matches one of the patterns.
// Without patterns every name is allowed.
func allowed(c *x509.Certificate, patterns []pattern) error {
	if len(patterns) == 0 {
		return nil
	}
	uri, dns := namesOf(c)
	for _, p := range patterns {
		if p.uri && p.parts.matches(uri) || !p.uri && slices.ContainsFunc(dns, p.parts.matches) {
			return nil
		}
	}
	return fmt.Errorf("%w: %s", errSAN, describe(c))
}

// namesOf returns the names of a certificate that count. Without a valid URI, the scheme of uri is
// empty.
func namesOf(c *x509.Certificate) (uri name, dns []name) {
	if len(c.URIs) == 1 {
		uri, _ = uriOf(c.URIs[0]) // zero if there is an error
	}
	for _, text := range c.DNSNames {
		if n, err := dnsOf(text); err == nil {
			dns = append(dns, n)
		}
	}
	return uri, dns
}

// someNames is how many names of a certificate an error lists.
const someNames = 5

// describe lists the names of a certificate, and says why they may not count.
func describe(c *x509.Certificate) string {
	var all []string
	for _, u := range c.URIs {
		all = append(all, fmt.Sprintf("URI %.256q", u))
	}
	for _, d := range c.DNSNames {
		all = append(all, fmt.Sprintf("DNS name %.256q", d))
	}
	text := strings.Join(all[:min(len(all), someNames)], ", ")
	switch {
	case len(all) == 0:
		return "it has neither a URI nor a DNS name"
	case len(all) > someNames:
		text += fmt.Sprintf(" and %d more", len(all)-someNames)
	}
	if len(c.URIs) > 1 {
		text += " (of several URIs none counts)"
	}
	return text
}

// uriOf returns the parts of a URI. It is an error if the URI is ambiguous.
func uriOf(u *url.URL) (name, error) {
	if u.Scheme == "spiffe" {
		id, err := spiffeid.FromURI(u)
		if err != nil {
			return name{}, err
		}
		return name{scheme: u.Scheme, host: strings.Split(id.TrustDomain().Name(), "."), path: segments(id.Path())}, nil
	}
	text := u.String()
	for _, sign := range []string{"%", "?", "#", "@"} {
		if strings.Contains(text, sign) {
			return name{}, fmt.Errorf("a URI with %s in it counts for nothing", sign)
		}
	}
	n := name{scheme: u.Scheme, port: u.Port(), path: segments(u.Path)}
	if n.opaque = u.Host == ""; n.opaque {
		n.path = strings.Split(u.Opaque, ":")
	} else {
		host, err := dnsOf(u.Hostname())
		if err != nil {
			return name{}, err
		}
		n.host = host.host
	}
	for _, s := range n.path {
		if s == "" || s == "." || s == ".." || n.opaque && strings.Contains(s, "/") {
			return name{}, errors.New("a URI has a host, and no empty or dot segment")
		}
	}
	return n, nil
}

// segments splits a path that is empty or begins with a slash.
func segments(path string) []string {
	if path == "" {
		return nil
	}
	return strings.Split(strings.TrimPrefix(path, "/"), "/")
}

// maxHost and maxLabel are the size limits of a DNS name in bytes (RFC 1035).
const (
	maxHost  = 253
	maxLabel = 63
)

// dnsOf returns the labels of a DNS name.
func dnsOf(text string) (name, error) {
	if len(text) > maxHost {
		return name{}, fmt.Errorf("a DNS name has at most %d bytes", maxHost)
	}
	labels := strings.Split(strings.ToLower(text), ".")
	for _, l := range labels {
		if l == "" || len(l) > maxLabel || strings.ContainsFunc(l, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
		}) {
			return name{}, fmt.Errorf("a label of a DNS name has 1 to %d letters, digits, - and _", maxLabel)
		}
	}
	return name{host: labels}, nil
}

// matches reports whether n, the parts of a pattern, matches a name.
func (n name) matches(of name) bool {
	return n.scheme == of.scheme && n.port == of.port && n.opaque == of.opaque &&
		matchParts(n.host, of.host) && matchParts(n.path, of.path)
}

// several is the part of a pattern that matches one or more parts.
const several = "**"

// matchParts takes time proportional to the product of both lengths at most, like glob.Match: a
// client chooses the names in its certificate.
func matchParts(globs, parts []string) bool {
	g, n := 0, 0
	star, upTo := -1, 0 // position of the last **, and the end of the parts that it matches
	for n < len(parts) {
		switch {
		case g < len(globs) && globs[g] == several:
			star, upTo = g, n+1
			g, n = g+1, n+1
		case g < len(globs) && glob.Match(globs[g], parts[n]):
			g++
			n++
		case star >= 0:
			upTo++
			g, n = star+1, upTo
		default:
			return false
		}
	}
	return g == len(globs)
}

// patternsOf parses patterns. It is an error if one of them could never match.
func patternsOf(all []string) ([]pattern, error) {
	var patterns []pattern
	var errs []error
	for _, text := range all {
		p, err := patternOf(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%q would match nothing: %w: give a URI such as spiffe://example.org/envoy/*, or a DNS name such as *.envoy.internal", text, err))
		}
		patterns = append(patterns, p)
	}
	return patterns, errors.Join(errs...)
}

// patternOf parses one pattern. It can match if a name of its shape is possible.
func patternOf(text string) (pattern, error) {
	scheme, _, hasScheme := strings.Cut(text, ":")
	_, notIP := netip.ParseAddr(text)
	switch {
	case text == "":
		return pattern{}, errors.New("it is empty")
	case strings.ContainsAny(text, " \t\r\n"):
		return pattern{}, errors.New("it has a space in it")
	case notIP == nil:
		return pattern{}, errors.New("an IP address in a certificate is not looked at")
	case !hasScheme && strings.Contains(text, "/"):
		return pattern{}, errors.New("a URI begins with its scheme")
	}
	sample := strings.NewReplacer(several, "x", "*", "x", "?", "x").Replace(text)
	if !hasScheme {
		if _, err := dnsOf(sample); err != nil {
			return pattern{}, err
		}
		p := pattern{parts: name{host: strings.Split(strings.ToLower(text), ".")}}
		return p, wholeParts("labels", p.parts.host)
	}
	u, err := url.Parse(sample)
	if err != nil {
		return pattern{}, errors.New("it is no URI")
	}
	n, err := uriOf(u)
	if err != nil {
		return pattern{}, err
	}
	rest := text[len(scheme)+1:]
	if n.opaque {
		n.path = strings.Split(rest, ":")
		return pattern{uri: true, parts: n}, wholeParts("segments", n.path)
	}
	host, path, _ := strings.Cut(strings.TrimPrefix(rest, "//"), "/")
	if n.path != nil {
		n.path = strings.Split(path, "/")
	}
	n.host = strings.Split(strings.ToLower(strings.TrimSuffix(host, ":"+n.port)), ".")
	return pattern{uri: true, parts: n}, errors.Join(wholeParts("labels", n.host), wholeParts("segments", n.path))
}

// wholeParts returns an error if ** is only a piece of a part.
func wholeParts(what string, parts []string) error {
	if slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(p, several) && p != several }) {
		return fmt.Errorf("** stands for whole %s, and nothing else is beside it there", what)
	}
	return nil
}
