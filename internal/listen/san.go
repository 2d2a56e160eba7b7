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

// A pattern says which kind of name it is for: URIs if it begins with a scheme, DNS names otherwise.
// It is compared part by part, so that no wildcard reaches past a slash or a dot: * is any run of
// characters within one segment of a path or one label of a host, ? any one of them; a part that is
// ** stands for one part or more. Scheme, host and DNS names ignore case.
//
// A URI in a certificate counts only if it is the only one there, and if everybody who reads it reads
// the same: SPIFFE IDs as their specification has it, others without escapes, user, query, fragment,
// and empty or dot segments.

// pattern is one of TLS.AllowedSANs.
type pattern struct {
	uri   bool
	parts name
}

// name is what patterns are compared with: a URI's or a DNS name's parts.
type name struct {
	scheme string // of a URI
	port   string
	host   []string // labels
	path   []string // segments
	opaque bool     // a URI without a host, such as urn:a:b; its path is what colons divide
}

// errSAN is why a client that proved who it is may not connect.
var errSAN = errors.New("no name in the client's certificate is allowed here")

// allowed reports whether a client's certificate carries a name that one of the patterns is for. No
// patterns allow all.
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

// namesOf are the names of a certificate that count. The URI has no scheme if there is none that does.
func namesOf(c *x509.Certificate) (uri name, dns []name) {
	if len(c.URIs) == 1 {
		uri, _ = uriOf(c.URIs[0]) // which is none if there is an error
	}
	for _, text := range c.DNSNames {
		if n, err := dnsOf(text); err == nil {
			dns = append(dns, n)
		}
	}
	return uri, dns
}

// someNames is how many names of a certificate are told of.
const someNames = 5

// describe says what names a certificate has, and why they may not count.
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

// uriOf are the parts of a URI that everybody reads in the same way.
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

// segments are those of a path that is empty or begins with a slash.
func segments(path string) []string {
	if path == "" {
		return nil
	}
	return strings.Split(strings.TrimPrefix(path, "/"), "/")
}

// maxHost and maxLabel bound a DNS name (RFC 1035).
const (
	maxHost  = 253
	maxLabel = 63
)

// dnsOf are the labels of a DNS name.
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

// matches reports whether a name is what these parts, which are a pattern's, are for.
func (n name) matches(of name) bool {
	return n.scheme == of.scheme && n.port == of.port && n.opaque == of.opaque &&
		matchParts(n.host, of.host) && matchParts(n.path, of.path)
}

// several is the part of a pattern that stands for one part or more.
const several = "**"

// matchParts takes at most the product of both lengths, whatever a client has had written into its
// certificate, as glob.Match does.
func matchParts(globs, parts []string) bool {
	g, n := 0, 0
	star, upTo := -1, 0 // where the last ** stands, and up to where it swallowed parts
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

// patternsOf reads patterns. An error says why one of them could never match.
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

// patternOf reads one. It can match if something of its shape is a name.
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

// wholeParts is an error if ** stands beside something else in a part.
func wholeParts(what string, parts []string) error {
	if slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(p, several) && p != several }) {
		return fmt.Errorf("** stands for whole %s, and nothing else is beside it there", what)
	}
	return nil
}
