package translate

import (
	"net/netip"
	"path"
	"regexp"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	proxyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/proxy_protocol/v3"
	rawv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/raw_buffer/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"legate/translate/policy"
)

// systemCA are the authorities of Envoy's machine, where most systems have them (Debian, Alpine, and the
// images of Envoy). Envoy itself knows no place.
const systemCA = "/etc/ssl/certs/ca-certificates.crt"

// transport sets TLS, and the PROXY protocol around it. A policy without both leaves Envoy's default: plain TCP.
func transport(c *clusterv3.Cluster, p policy.Policy) (err error) {
	if p.TLS.On() {
		if c.TransportSocket, err = socket("envoy.transport_sockets.tls", tlsContext(p)); err != nil {
			return err
		}
	}
	version := text(p.ProxyProtocol)
	if version != "v1" && version != "v2" {
		return nil
	}
	if c.TransportSocket == nil {
		if c.TransportSocket, err = socket("envoy.transport_sockets.raw_buffer", &rawv3.RawBuffer{}); err != nil {
			return err
		}
	}
	around := &proxyv3.ProxyProtocolUpstreamTransport{
		Config:          &corev3.ProxyProtocolConfig{Version: corev3.ProxyProtocolConfig_Version(corev3.ProxyProtocolConfig_Version_value[strings.ToUpper(version)])},
		TransportSocket: c.TransportSocket,
	}
	c.TransportSocket, err = socket("envoy.transport_sockets.upstream_proxy_protocol", around)
	return err
}

func socket(name string, config message) (*corev3.TransportSocket, error) {
	packed, err := typed(config)
	return &corev3.TransportSocket{Name: name, ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: packed}}, err
}

func tlsContext(p policy.Policy) *tlsv3.UpstreamTlsContext {
	t := p.TLS
	common := &tlsv3.CommonTlsContext{
		// Without a word of it Envoy would stop at 1.2.
		TlsParams:     &tlsv3.TlsParameters{TlsMinimumProtocolVersion: tlsVersion(t.MinVersion), TlsMaximumProtocolVersion: tlsv3.TlsParameters_TLSv1_3},
		AlpnProtocols: t.ALPN,
	}
	if t.MaxVersion != nil {
		common.TlsParams.TlsMaximumProtocolVersion = tlsVersion(t.MaxVersion)
	}
	if s := p.Speaks(); t.ALPN == nil && (s == "http2" || s == "grpc") {
		common.AlpnProtocols = []string{"h2"}
	}
	up := &tlsv3.UpstreamTlsContext{CommonTlsContext: common, MaxSessionKeys: whole(t.SessionKeys)}
	switch own := text(t.SNI); own {
	case policy.Host:
		up.AutoHostSni = true
	default:
		up.Sni = own
	}
	// A certificate that a public authority signed for somebody else is none of this service's.
	up.AutoSniSanValidation = t.SNI != nil && len(t.SANs) == 0
	if t.SDS != nil {
		common.TlsCertificateSdsSecretConfigs = []*tlsv3.SdsSecretConfig{secret(*t.SDS)}
	} else if t.Cert != nil {
		common.TlsCertificates = []*tlsv3.TlsCertificate{{CertificateChain: file(*t.Cert), PrivateKey: file(*t.Key)}}
	}
	switch {
	case t.CASDS != nil && len(t.SANs) > 0:
		common.ValidationContextType = &tlsv3.CommonTlsContext_CombinedValidationContext{CombinedValidationContext: &tlsv3.CommonTlsContext_CombinedCertificateValidationContext{
			DefaultValidationContext:         &tlsv3.CertificateValidationContext{MatchTypedSubjectAltNames: sans(t.SANs)},
			ValidationContextSdsSecretConfig: secret(*t.CASDS)}}
		return up
	case t.CASDS != nil:
		common.ValidationContextType = &tlsv3.CommonTlsContext_ValidationContextSdsSecretConfig{ValidationContextSdsSecretConfig: secret(*t.CASDS)}
		return up
	}
	authorities := systemCA
	if t.CA != nil && *t.CA != policy.System {
		authorities = *t.CA
	}
	common.ValidationContextType = &tlsv3.CommonTlsContext_ValidationContext{
		ValidationContext: &tlsv3.CertificateValidationContext{TrustedCa: file(authorities), MatchTypedSubjectAltNames: sans(t.SANs)}}
	return up
}

// secret is one of Envoy's bootstrap or, by a path, that of an SDS file on Envoy's machine, which is named like
// the file. Envoy watches the files of such a secret, and no others.
func secret(name string) *tlsv3.SdsSecretConfig {
	if !path.IsAbs(name) {
		return &tlsv3.SdsSecretConfig{Name: name}
	}
	return &tlsv3.SdsSecretConfig{Name: strings.TrimSuffix(path.Base(name), path.Ext(name)), SdsConfig: &corev3.ConfigSource{
		ResourceApiVersion:    corev3.ApiVersion_V3,
		ConfigSourceSpecifier: &corev3.ConfigSource_PathConfigSource{PathConfigSource: &corev3.PathConfigSource{Path: name}},
	}}
}

func tlsVersion(v *string) tlsv3.TlsParameters_TlsProtocol {
	return map[string]tlsv3.TlsParameters_TlsProtocol{"1.2": tlsv3.TlsParameters_TLSv1_2, "1.3": tlsv3.TlsParameters_TLSv1_3}[text(v)]
}

func file(path string) *corev3.DataSource {
	return &corev3.DataSource{Specifier: &corev3.DataSource_Filename{Filename: path}}
}

// sans match the names of a certificate by their kind: an IP address, a URI, else a DNS name.
func sans(names []string) (all []*tlsv3.SubjectAltNameMatcher) {
	for _, name := range names {
		kind := tlsv3.SubjectAltNameMatcher_DNS
		if strings.Contains(name, "://") {
			kind = tlsv3.SubjectAltNameMatcher_URI
		} else if _, err := netip.ParseAddr(name); err == nil {
			kind = tlsv3.SubjectAltNameMatcher_IP_ADDRESS
		}
		all = append(all, &tlsv3.SubjectAltNameMatcher{SanType: kind, Matcher: glob(name)})
	}
	return all
}

// glob matches a pattern in which * is any run of characters.
func glob(pattern string) *matcherv3.StringMatcher {
	if !strings.Contains(pattern, "*") {
		return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: pattern}}
	}
	expression := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*")
	return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: expression}}}
}
