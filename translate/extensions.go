package translate

import (
	selectorv3 "github.com/envoyproxy/go-control-plane/envoy/config/upstream/local_address_selector/v3"
	signingv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/aws_request_signing/v3"
	bufferv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/buffer/v3"
	injectorv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/credential_injector/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	luav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"
	codecv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/upstream_codec/v3"
	redisproxyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/redis_proxy/v3"
	thriftproxyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/thrift_proxy/v3"
	sinkv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/health_check/event_sinks/file/v3"
	redisv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/health_checkers/redis/v3"
	thriftv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/health_checkers/thrift/v3"
	casev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/http/header_formatters/preserve_case/v3"
	genericv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/http/injected_credentials/generic/v3"
	weightedv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3"
	leastv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/least_request/v3"
	maglevv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/maglev/v3"
	overridev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/override_host/v3"
	randomv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/random/v3"
	ringv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/ring_hash/v3"
	roundv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/round_robin/v3"
	subsetv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/subset/v3"
	localityv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/wrr_locality/v3"
	namedv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/matching/common_inputs/transport_socket/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/network/dns_resolver/cares/v3" // under typed_dns_resolver_config
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/network/dns_resolver/getaddrinfo/v3"
	altsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/alts/v3"
	http11v3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/http_11_proxy/v3"
	internalv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/internal_upstream/v3"
	proxyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/proxy_protocol/v3"
	quicv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/quic/v3"
	rawv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/raw_buffer/v3"
	startv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/starttls/v3"
	tapv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tap/v3"
	statsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tcp_stats/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/generic/v3" // under upstream_config
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/http/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/tcp/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/tcp/generic/v3"
	tcpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/tcp/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
)

// kinds are the types that Envoy takes in one place of a cluster where an extension is named. Raw fields can hold
// those, and no others: what is packed in a cluster can only be read from JSON if its type is linked.
type kinds map[protoreflect.FullName]bool

func kindsOf(all ...proto.Message) kinds {
	k := kinds{}
	for _, one := range all {
		k[one.ProtoReflect().Descriptor().FullName()] = true
	}
	return k
}

// has reports whether something packed is of one of the kinds. What is not there is of none.
func (k kinds) has(packed *anypb.Any) bool { return packed != nil && k[packed.MessageName()] }

// The extensions of the pinned Envoy, place by place.
var (
	sockets = kindsOf(&rawv3.RawBuffer{}, &tlsv3.UpstreamTlsContext{}, &proxyv3.ProxyProtocolUpstreamTransport{}, &quicv3.QuicUpstreamTransport{},
		&startv3.UpstreamStartTlsConfig{}, &http11v3.Http11ProxyUpstreamTransport{}, &statsv3.Config{}, &altsv3.Alts{}, &internalv3.InternalUpstreamTransport{}, &tapv3.Tap{})
	balancers = kindsOf(&randomv3.Random{}, &roundv3.RoundRobin{}, &leastv3.LeastRequest{}, &ringv3.RingHash{}, &maglevv3.Maglev{}, &subsetv3.Subset{},
		&weightedv3.ClientSideWeightedRoundRobin{}, &localityv3.WrrLocality{}, &overridev3.OverrideHost{})
	httpFilters      = kindsOf(&signingv3.AwsRequestSigning{}, &bufferv3.Buffer{}, &injectorv3.CredentialInjector{}, &mutationv3.HeaderMutation{}, &luav3.Lua{}, &codecv3.UpstreamCodec{})
	codecs           = kindsOf(&codecv3.UpstreamCodec{})
	healthCheckers   = kindsOf(&redisv3.Redis{}, &thriftv3.Thrift{})
	eventSinks       = kindsOf(&sinkv3.HealthCheckEventFileSink{})
	headerFormatters = kindsOf(&casev3.PreserveCaseFormatterConfig{})
	addressSelectors = kindsOf(&selectorv3.DefaultLocalAddressSelector{})
	networkFilters   = kindsOf(&emptypb.Empty{})
	credentials      = kindsOf(&genericv3.Generic{})
	socketActions    = kindsOf(&namedv3.TransportSocketNameAction{})
)

// protocolOptions are the names under typed_extension_protocol_options, and the type of each.
var protocolOptions = map[string]protoreflect.FullName{
	httpOptions:                          (&httpv3.HttpProtocolOptions{}).ProtoReflect().Descriptor().FullName(),
	tcpOptions:                           (&tcpv3.TcpProtocolOptions{}).ProtoReflect().Descriptor().FullName(),
	"envoy.filters.network.redis_proxy":  (&redisproxyv3.RedisProtocolOptions{}).ProtoReflect().Descriptor().FullName(),
	"envoy.filters.network.thrift_proxy": (&thriftproxyv3.ThriftProtocolOptions{}).ProtoReflect().Descriptor().FullName(),
}
