package translate

import (
	"math"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	tcpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/tcp/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"legate/translate/policy"
)

// The names of the extensions that say what a cluster speaks.
const (
	httpOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
	tcpOptions  = "envoy.extensions.upstreams.tcp.v3.TcpProtocolOptions"
)

// protocol sets what the cluster speaks. A policy that says nothing of it leaves Envoy's default, HTTP/1.1.
func protocol(c *clusterv3.Cluster, p policy.Policy) error {
	var name string
	var options message
	if p.Speaks() == "tcp" {
		if p.IdleTimeout == nil {
			return nil
		}
		name, options = tcpOptions, &tcpv3.TcpProtocolOptions{IdleTimeout: span(p.IdleTimeout)}
	} else {
		http := httpProtocol(p)
		if p.Protocol == nil && http.CommonHttpProtocolOptions == nil {
			return nil
		}
		name, options = httpOptions, http
	}
	packed, err := typed(options)
	c.TypedExtensionProtocolOptions = map[string]*anypb.Any{name: packed}
	return err
}

func httpProtocol(p policy.Policy) *httpv3.HttpProtocolOptions {
	o := &httpv3.HttpProtocolOptions{}
	common := &corev3.HttpProtocolOptions{
		IdleTimeout:              span(p.IdleTimeout),
		MaxConnectionDuration:    span(p.MaxConnectionDuration),
		MaxStreamDuration:        span(p.MaxStreamDuration),
		MaxRequestsPerConnection: whole(p.MaxRequestsPerConnection),
	}
	if !proto.Equal(common, &corev3.HttpProtocolOptions{}) {
		o.CommonHttpProtocolOptions = common
	}
	http1, http2 := &corev3.Http1ProtocolOptions{}, http2Options(p.HTTP2)
	explicit := &httpv3.HttpProtocolOptions_ExplicitHttpConfig{}
	switch p.Speaks() {
	case "http2", "grpc":
		explicit.ProtocolConfig = &httpv3.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{Http2ProtocolOptions: http2}
	case "auto":
		o.UpstreamProtocolOptions = &httpv3.HttpProtocolOptions_AutoConfig{
			AutoConfig: &httpv3.HttpProtocolOptions_AutoHttpConfig{HttpProtocolOptions: http1, Http2ProtocolOptions: http2}}
		return o
	case "downstream":
		o.UpstreamProtocolOptions = &httpv3.HttpProtocolOptions_UseDownstreamProtocolConfig{
			UseDownstreamProtocolConfig: &httpv3.HttpProtocolOptions_UseDownstreamHttpConfig{HttpProtocolOptions: http1, Http2ProtocolOptions: http2}}
		return o
	default:
		explicit.ProtocolConfig = &httpv3.HttpProtocolOptions_ExplicitHttpConfig_HttpProtocolOptions{HttpProtocolOptions: http1}
	}
	o.UpstreamProtocolOptions = &httpv3.HttpProtocolOptions_ExplicitHttpConfig_{ExplicitHttpConfig: explicit}
	return o
}

func http2Options(h policy.HTTP2) *corev3.Http2ProtocolOptions {
	o := &corev3.Http2ProtocolOptions{
		MaxConcurrentStreams:        whole(h.MaxConcurrentStreams),
		InitialStreamWindowSize:     bytesOf(h.StreamWindow),
		InitialConnectionWindowSize: bytesOf(h.ConnectionWindow),
	}
	if h.KeepaliveTimeout != nil {
		o.ConnectionKeepalive = &corev3.KeepaliveSettings{
			Interval:               span(h.KeepaliveInterval),
			Timeout:                span(h.KeepaliveTimeout),
			IntervalJitter:         percent(h.KeepaliveJitter),
			ConnectionIdleInterval: span(h.KeepaliveIdleInterval),
		}
	}
	return o
}

func keepalive(k policy.Keepalive) *clusterv3.UpstreamConnectionOptions {
	if k == (policy.Keepalive{}) {
		return nil
	}
	return &clusterv3.UpstreamConnectionOptions{TcpKeepalive: &corev3.TcpKeepalive{
		KeepaliveProbes: whole(k.Probes), KeepaliveTime: seconds(k.Time), KeepaliveInterval: seconds(k.Interval)}}
}

// seconds is a span as the system counts it.
func seconds(d *policy.Duration) *wrapperspb.UInt32Value {
	if d == nil {
		return nil
	}
	return wrapperspb.UInt32(uint32(math.Ceil(time.Duration(*d).Seconds())))
}

func bind(address *string) *corev3.BindConfig {
	if address == nil {
		return nil
	}
	return &corev3.BindConfig{SourceAddress: &corev3.SocketAddress{Address: *address, PortSpecifier: &corev3.SocketAddress_PortValue{}}}
}
