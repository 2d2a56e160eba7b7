package listen

import (
	"crypto/x509"
	"net/url"
	"strings"
	"testing"
)

// certificate returns a certificate with these names, prefixed by "uri:" or "dns:".
func certificate(t *testing.T, names ...string) *x509.Certificate {
	t.Helper()
	c := &x509.Certificate{}
	for _, n := range names {
		kind, name, _ := strings.Cut(n, ":")
		if kind == "dns" {
			c.DNSNames = append(c.DNSNames, name)
			continue
		}
		uri, err := url.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		c.URIs = append(c.URIs, uri)
	}
	return c
}

func TestAPatternLetsInWhatItSaysAndNothingThatLooksLikeIt(t *testing.T) {
	const one = "spiffe://example.org/envoy/*"
	for _, c := range []struct {
		pattern string
		in, out []string // each is the space-separated names of one certificate
	}{
		{one,
			[]string{"uri:spiffe://example.org/envoy/web", "uri:spiffe://example.org/envoy/web-1_2.x", "dns:any.internal uri:spiffe://example.org/envoy/web"},
			[]string{
				"uri:spiffe://example.org/envoy/../admin", "uri:spiffe://example.org/envoy/..", "uri:spiffe://example.org/envoy/.",
				"uri:spiffe://example.org/envoy/%2e%2e", "uri:spiffe://example.org/envoy/%2e%2e%2fadmin", "uri:spiffe://example.org/envoy/we%62",
				"uri:spiffe://example.org/envoy/", "uri:spiffe://example.org/envoy", "uri:spiffe://example.org/envoy//web", "uri:spiffe://example.org/envoy/web/",
				"uri:spiffe://example.org/envoy/web/1", "uri:spiffe://example.org/envoy/web?x=1", "uri:spiffe://example.org/envoy/web?", "uri:spiffe://example.org/envoy/web#x",
				"uri:spiffe://other@example.org/envoy/web", "uri:spiffe://example.org:443/envoy/web", "uri:spiffe://EXAMPLE.org/envoy/web", "uri:spiffe:example.org/envoy/web",
				"uri:https://example.org/envoy/web", "uri:spiffe://example.org.evil/envoy/web", "uri:spiffe://evil/example.org/envoy/web", "uri:spiffe://example.org/Envoy/web",
				"uri:spiffe://example.org/envoy/web uri:spiffe://example.org/other", "uri:spiffe://example.org/other uri:spiffe://example.org/envoy/web",
				"uri:spiffe://example.org/envoy/web uri:spiffe://example.org/envoy/web", "uri:spiffe://example.org/envoy/web uri:https://example.org",
				"dns:spiffe://example.org/envoy/web", "dns:example.org/envoy/web", "dns:web", "",
			}},
		{"spiffe://example.org/**", []string{"uri:spiffe://example.org/a", "uri:spiffe://example.org/a/b/c"},
			[]string{"uri:spiffe://example.org", "uri:spiffe://example.org/", "uri:spiffe://example.org/a/../b", "uri:spiffe://example.net/a"}},
		{"spiffe://example.org/**/envoy/?", []string{"uri:spiffe://example.org/ns/envoy/1", "uri:spiffe://example.org/a/envoy/envoy/1"},
			[]string{"uri:spiffe://example.org/envoy/1", "uri:spiffe://example.org/ns/envoy/12", "uri:spiffe://example.org/ns/envoy/1/x"}},
		{"spiffe://example.org", []string{"uri:spiffe://example.org"}, []string{"uri:spiffe://example.org/a"}},
		{"spiffe://*.example.org/envoy", []string{"uri:spiffe://a.example.org/envoy"}, []string{"uri:spiffe://a.b.example.org/envoy", "uri:spiffe://example.org/envoy"}},
		{"https://*.Example.org/a*", []string{"uri:https://www.example.org/abc", "uri:https://WWW.example.org/a", "uri:HTTPS://www.example.org/a"},
			[]string{"uri:http://www.example.org/a", "uri:https://www.example.org/a/b", "uri:https://www.example.org/a%2fb", "uri:https://www.example.org/a?b",
				"uri:https://www.example.org:8443/a", "uri:https://u@www.example.org/a", "uri:https://www.example.org/A", "dns:www.example.org"}},
		{"https://example.org:8443/a", []string{"uri:https://example.org:8443/a"}, []string{"uri:https://example.org/a", "uri:https://example.org:84430/a"}},
		{"urn:envoy:*", []string{"uri:urn:envoy:web"}, []string{"uri:urn:envoy:web:1", "uri:urn:envoy:", "uri:urn:envoy", "uri:urn:envoy:a%3ab", "dns:envoy"}},
		{"edge-?.internal", []string{"dns:edge-1.internal", "dns:EDGE-1.Internal", "dns:other dns:edge-2.internal"},
			[]string{"dns:edge-12.internal", "dns:x.edge-1.internal", "dns:edge-1.internal.evil", "dns:edge-*.internal", "dns:edge-..internal", "dns:edge-1.internal.",
				"uri:edge-1.internal", "uri:https://edge-1.internal", "uri:spiffe://edge-1.internal"}},
		{"*.internal", []string{"dns:a.internal"}, []string{"dns:a.b.internal", "dns:.internal", "dns:internal", "dns:*.internal", "dns:a/b.internal", "dns:spiffe://x.internal"}},
		{"**.internal", []string{"dns:a.internal", "dns:a.b.c.internal"}, []string{"dns:internal", "dns:a..internal", "dns:*.internal"}},
	} {
		patterns, err := patternsOf([]string{c.pattern})
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		for i, names := range append(c.in, c.out...) {
			if got, want := allowed(certificate(t, strings.Fields(names)...), patterns) == nil, i < len(c.in); got != want {
				t.Errorf("%s lets in %q: %v", c.pattern, names, got)
			}
		}
	}
}

func TestAPatternThatCannotMatchSaysSo(t *testing.T) {
	for pattern, want := range map[string]string{
		"":                                "it is empty",
		"a b":                             "has a space",
		"example.org/envoy/*":             "a URI begins with its scheme",
		"spiffe:example.org":              "spiffe://",
		"spiffe://Example.org/envoy":      "trust domain",
		"spiffe://example.org/envoy/":     "trailing slash",
		"spiffe://example.org//envoy":     "empty segments",
		"spiffe://example.org/../envoy":   "dot segments",
		"spiffe://example.org/a%2fb":      "",
		"spiffe://example.org/a?b=c":      "",
		"spiffe://example.org:80/a":       "",
		"spiffe:///a":                     "trust domain is missing",
		"spiffe://example.org/a**":        "** stands for whole segments",
		"**x.internal":                    "** stands for whole labels",
		"https://example.org/a#b":         "#",
		"https://example.org/%2e":         "%",
		"https://example.org/a//b":        "empty",
		"https://u@example.org/a":         "@",
		"https://example.org/./a":         "segment",
		"https:///a":                      "host",
		"urn:":                            "empty",
		"a..internal":                     "label",
		".internal":                       "label",
		"internal.":                       "label",
		"größe.internal":                  "label",
		"10.0.0.1":                        "IP address",
		"::1":                             "IP address",
		strings.Repeat("x", 64) + ".a":    "label",
		strings.Repeat("x.", 130) + "com": "253",
	} {
		settings := TLS{CertFile: "x", KeyFile: "x", ClientCAFile: "x", AllowedSANs: []string{pattern}}
		err := settings.Validate("--tls")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "--tls-allowed-san") {
			t.Errorf("%q: %v, want %q", pattern, err, want)
		}
	}
}

// Matching takes bounded time, whatever is in a certificate.
func TestAPatternIsNoWorkWithoutEnd(t *testing.T) {
	patterns, err := patternsOf([]string{"spiffe://example.org/**/a*a*a*a*b/**/c", "**.a*a*a*b.**.internal"})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("a", 1000)
	c := certificate(t, "uri:spiffe://example.org"+strings.Repeat("/"+strings.Repeat("a", 20), 90), "dns:"+strings.Repeat(long+".", 1000)+"internal", "dns:"+strings.Repeat("aaaa.", 49)+"internal")
	for range 100 {
		if allowed(c, patterns) == nil {
			t.Fatal("it was let in")
		}
	}
}
