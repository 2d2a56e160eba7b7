package policy

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// texts checks the free texts: what protobuf, Envoy's statistics, headers and certificates can hold.
func (c *checker) texts() {
	p := c.policy
	for _, one := range []struct {
		path string
		text *string
	}{{"alt_stat_name", p.AltStatName}, {"tls.sni", p.TLS.SNI}, {"tls.sds", p.TLS.SDS}, {"tls.ca_sds", p.TLS.CASDS},
		{"tls.ca", p.TLS.CA}, {"tls.cert_file", p.TLS.Cert}, {"tls.key_file", p.TLS.Key}} {
		if one.text != nil && !clean(*one.text) {
			c.wrong(one.path, quote(*one.text)+" is empty, longer than 255 bytes, or has a character that is not printable", "write a plain name")
		}
	}
	for i, h := range p.HealthChecks {
		for _, text := range []*string{h.Path, h.Host, h.ServiceName} {
			if text != nil && !clean(*text) {
				c.wrong("health_checks", fmt.Sprintf("[%d]: %s is empty, longer than 255 bytes, or has a character that is not printable", i, quote(*text)), "write a plain text")
			}
		}
	}
	for _, one := range []struct {
		path  string
		texts []string
	}{{"tls.sans", p.TLS.SANs}, {"endpoint_metadata.meta", p.EndpointMetadata.Meta},
		{"endpoint_metadata.node_meta", p.EndpointMetadata.NodeMeta}, {"endpoint_metadata.tags", p.EndpointMetadata.Tags}} {
		for _, text := range one.texts {
			if !clean(text) {
				c.wrong(one.path, quote(text)+" is empty, longer than 255 bytes, or has a character that is not printable", "write a plain text")
			}
		}
	}
}

// clean reports whether a text can be a name in Envoy's configuration.
func clean(s string) bool {
	return s != "" && len(s) <= 255 && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
