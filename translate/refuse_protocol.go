package translate

import (
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	thriftproxyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/thrift_proxy/v3"
	thriftv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/health_checkers/thrift/v3"
	http11v3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/http_11_proxy/v3"
	internalv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/internal_upstream/v3"
	proxyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/proxy_protocol/v3"
	quicv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/quic/v3"
	statsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tcp_stats/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
)

// protocol looks at what the cluster speaks. Envoy still reads the fields of a cluster that typed options took the
// place of, where those are not there.
//
//nolint:staticcheck // deprecated fields
func (r *refuser) protocol() {
	c := r.cluster
	for _, name := range slices.Sorted(maps.Keys(c.TypedExtensionProtocolOptions)) {
		is, want := c.TypedExtensionProtocolOptions[name].MessageName(), protocolOptions[name]
		untyped := is == "google.protobuf.Empty" || is == "google.protobuf.Struct"
		switch {
		case want == "":
			r.wrong("typed_extension_protocol_options: Envoy has no options of "+quote(name), "name "+httpOptions+" or "+tcpOptions)
		case is != want && (!untyped || name == httpOptions):
			r.wrong(fmt.Sprintf("typed_extension_protocol_options: %s is of type %s", name, is), "write one of type "+string(want))
		}
	}
	http := r.http()
	if http == nil {
		if c.HttpProtocolOptions != nil && c.Http2ProtocolOptions != nil && c.ProtocolSelection == clusterv3.Cluster_USE_CONFIGURED_PROTOCOL {
			r.wrong("http_protocol_options and http2_protocol_options are both there", "set protocol instead of them")
		}
		if c.MaxRequestsPerConnection != nil && c.CommonHttpProtocolOptions.GetMaxRequestsPerConnection() != nil {
			r.wrong("max_requests_per_connection is there twice", "leave one")
		}
		return
	}
	if c.MaxRequestsPerConnection != nil && http.CommonHttpProtocolOptions.GetMaxRequestsPerConnection() != nil {
		r.wrong("max_requests_per_connection is there twice", "leave one")
	}
	if http.HeaderValidationConfig != nil {
		r.wrong("header_validation_config is none that Envoy has", "remove it")
	}
	auto := http.GetAutoConfig()
	if auto != nil && !r.negotiates() {
		r.wrong("auto_config needs TLS, which chooses the protocol (ALPN), on all sockets of the cluster", "set tls, or say which protocol it is")
	}
	if auto.GetHttp3ProtocolOptions() != nil && auto.AlternateProtocolsCacheOptions == nil {
		r.wrong("auto_config has HTTP/3 and no alternate_protocols_cache_options", "set them")
	}
	if (auto.GetHttp3ProtocolOptions() != nil || http.GetExplicitHttpConfig().GetHttp3ProtocolOptions() != nil || http.GetUseDownstreamProtocolConfig().GetHttp3ProtocolOptions() != nil) &&
		c.GetTransportSocket().GetName() != "envoy.transport_sockets.quic" {
		r.wrong("HTTP/3 needs the transport socket envoy.transport_sockets.quic", "set it, or leave HTTP/3 out")
	}
	r.filters(http.HttpFilters)
}

// filters looks at the filters of requests to a service. The codec is the last one, and no other.
func (r *refuser) filters(all []*hcmv3.HttpFilter) {
	for n, f := range all {
		last, codec := n == len(all)-1, codecs.has(f.GetTypedConfig())
		switch {
		case last != codec:
			r.wrong("http_filters: the last filter, and no other, must be the codec", "end with envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec")
		case f.GetConfigDiscovery() == nil && !f.IsOptional && !httpFilters.has(f.GetTypedConfig()):
			r.wrong("http_filters: "+quote(f.Name)+" is no filter for requests to a service", "remove it, or set is_optional")
		}
	}
}

// negotiates reports whether each socket of the cluster can choose the protocol.
func (r *refuser) negotiates() bool {
	for _, one := range r.cluster.TransportSocketMatches {
		if !negotiates(one.TransportSocket) {
			return false
		}
	}
	return negotiates(r.cluster.TransportSocket)
}

func negotiates(s *corev3.TransportSocket) bool {
	inner, err := s.GetTypedConfig().UnmarshalNew()
	if err != nil {
		return false
	}
	switch t := inner.(type) {
	case *tlsv3.UpstreamTlsContext, *quicv3.QuicUpstreamTransport:
		return true
	case *proxyv3.ProxyProtocolUpstreamTransport:
		return negotiates(t.TransportSocket)
	case *http11v3.Http11ProxyUpstreamTransport:
		return negotiates(t.TransportSocket)
	case *internalv3.InternalUpstreamTransport:
		return negotiates(t.TransportSocket)
	case *statsv3.Config:
		return negotiates(t.TransportSocket)
	default:
		return false
	}
}

// settings looks at the parameters of HTTP/2 that have no field.
func (r *refuser) settings(o *corev3.Http2ProtocolOptions) {
	named := map[uint32]bool{1: o.HpackTableSize != nil, 3: o.MaxConcurrentStreams != nil, 4: o.InitialStreamWindowSize != nil}
	seen := map[uint32]uint32{}
	for _, p := range o.CustomSettingsParameters {
		id, value := p.Identifier.GetValue(), p.Value.GetValue()
		before, twice := seen[id]
		seen[id] = value
		switch {
		case id == 2 && value == 1 || id == 8:
			r.wrong(fmt.Sprintf("custom_settings_parameters: %d is not for this list", id), "remove it")
		case twice && before != value:
			r.wrong(fmt.Sprintf("custom_settings_parameters: %d is there twice, with two values", id), "leave one")
		case named[id]:
			r.wrong(fmt.Sprintf("custom_settings_parameters: %d has a field of its own, which is set, too", id), "leave one")
		}
	}
}

// checks looks at health checks.
func (r *refuser) checks() {
	names := map[string]bool{}
	for _, h := range r.cluster.HealthChecks {
		if len(r.cluster.HealthChecks) > 1 && (h.Name == "" || names[h.Name]) {
			r.wrong("health_checks: several checks need a name each, distinct ones", "set name")
		}
		names[h.Name] = true
		for _, l := range h.EventLogger {
			if !eventSinks.has(l.TypedConfig) {
				r.wrong("health_checks: event_logger "+quote(l.Name)+" is none that Envoy has", "set envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink")
			}
		}
		if c := h.GetCustomHealthCheck(); c != nil && !healthCheckers.has(c.GetTypedConfig()) {
			r.wrong("health_checks: custom_health_check "+quote(c.Name)+" is none that Envoy has", "set the typed_config of one for Redis or Thrift")
		}
		if t := (&thriftv3.Thrift{}); h.GetCustomHealthCheck().GetTypedConfig().MessageIs(t) && h.GetCustomHealthCheck().GetTypedConfig().UnmarshalTo(t) == nil &&
			(t.Transport == thriftproxyv3.TransportType_AUTO_TRANSPORT || t.Protocol == thriftproxyv3.ProtocolType_AUTO_PROTOCOL || t.Protocol == thriftproxyv3.ProtocolType_TWITTER) { //nolint:staticcheck // it can still be written
			r.wrong("health_checks: a check of Thrift needs to know transport and protocol", "set both")
		}
		if t := h.GetTcpHealthCheck(); t != nil {
			r.payloads(append(slices.Clone(t.Receive), t.Send))
		}
		if g := h.GetGrpcHealthCheck(); g != nil {
			r.headers(g.InitialMetadata, nil)
			if !r.speaksHTTP2() {
				r.wrong("health_checks: grpc_health_check needs HTTP/2", "set protocol to grpc")
			}
		}
		r.httpCheck(h.GetHttpHealthCheck())
	}
}

func (r *refuser) httpCheck(h *corev3.HealthCheck_HttpHealthCheck) {
	if h == nil {
		return
	}
	r.payloads(append(slices.Clone(h.Receive), h.Send))
	r.headers(h.RequestHeadersToAdd, h.RequestHeadersToRemove)
	switch h.Method {
	case corev3.RequestMethod_POST, corev3.RequestMethod_PUT, corev3.RequestMethod_PATCH, corev3.RequestMethod_OPTIONS:
	default:
		if h.Send != nil {
			r.wrong("http_health_check: send needs a method with a body", "set method to POST, PUT, PATCH or OPTIONS")
		}
	}
	bad := func(s *typev3.Int64Range) bool { return s.Start < 100 || s.Start >= s.End || s.End > 600 }
	if slices.ContainsFunc(h.ExpectedStatuses, bad) || slices.ContainsFunc(h.RetriableStatuses, bad) {
		r.wrong("http_health_check: a range of statuses is none", "write start from 100, and end, which is not part of it, up to 600")
	}
}

func (r *refuser) payloads(all []*corev3.HealthCheck_Payload) {
	for _, p := range all {
		if _, err := hex.DecodeString(p.GetText()); err != nil {
			r.wrong("health_checks: the text of a payload, "+quote(p.GetText())+", is not hexadecimal", "write two digits for each byte, or use binary")
		}
	}
}

// format is what Envoy puts in place of commands such as %PROTOCOL%.
var format = regexp.MustCompile(`%%|%[A-Z][A-Z0-9_]*(\([^)]*\))?(:[0-9]+)?%`)

func (r *refuser) headers(add []*corev3.HeaderValueOption, remove []string) {
	fixed := func(name string) bool { return strings.HasPrefix(name, ":") || strings.EqualFold(name, "host") }
	for _, h := range add {
		if fixed(h.GetHeader().GetKey()) {
			r.wrong("health_checks: the header "+quote(h.GetHeader().GetKey())+" cannot be set", "use host, or another header")
		}
		if strings.Contains(format.ReplaceAllString(h.GetHeader().GetValue(), ""), "%") {
			r.wrong("health_checks: the header "+quote(h.GetHeader().GetKey())+" has a % that begins no command of Envoy's", "write %% for a percent sign")
		}
	}
	if slices.ContainsFunc(remove, fixed) {
		r.wrong("health_checks: :-headers and host cannot be removed", "remove others")
	}
}

// speaksHTTP2 reports whether the cluster can speak HTTP/2.
//
//nolint:staticcheck // deprecated fields
func (r *refuser) speaksHTTP2() bool {
	http := r.http()
	if http == nil {
		return r.cluster.Http2ProtocolOptions != nil
	}
	return http.GetAutoConfig() != nil || http.GetExplicitHttpConfig().GetHttp2ProtocolOptions() != nil || http.GetUseDownstreamProtocolConfig().GetHttp2ProtocolOptions() != nil
}
