package policy

// Policy says how a service is reached. Every field is optional: nil says nothing, and what weaker sources
// say, or Envoy's own default, holds. A group of fields is a struct; everything else is a field, and is
// taken over whole.
//
// The tags are the schema. policy: the name in files; range and values: what the field takes; owner: who
// registers a service may not set it (no); doc: what it does, in one sentence for people. Decoding, merging,
// the reference in docs/policy.md and the JSON Schema are all made from them.
type Policy struct {
	Protocol                 *string   `policy:"protocol" values:"http1 http2 grpc tcp auto downstream" doc:"What the service speaks. grpc is http2 under the name that people look for; auto lets TLS choose (ALPN); downstream is whatever the request came in with; tcp is for TCP proxies."`
	HTTP2                    HTTP2     `policy:"http2"`
	MaxRequestsPerConnection *uint32   `policy:"max_requests_per_connection" range:"1..4294967295" doc:"After so many requests a connection is not used for new ones."`
	IdleTimeout              *Duration `policy:"idle_timeout" range:"0s..8760h" doc:"A connection without requests is closed after this time; 0 never. Envoy's default is 1h (tcp: 10m)."`
	MaxConnectionDuration    *Duration `policy:"max_connection_duration" range:"1ms..8760h" doc:"A connection is drained when it is so old. Endpoints behind a balancer of their own are spread again that way."`
	MaxStreamDuration        *Duration `policy:"max_stream_duration" range:"1ms..8760h" doc:"A request, with its response, is reset after this time."`
	TCPKeepalive             Keepalive `policy:"tcp_keepalive"`
	BufferLimit              *Size     `policy:"per_connection_buffer_limit" range:"1..4GiB" doc:"Soft limit on what Envoy buffers for one connection. Envoy's default is 1MiB."`
	SourceAddress            *string   `policy:"source_address" owner:"no" doc:"The IP address of Envoy's machine from which connections are made."`
	ProxyProtocol            *string   `policy:"proxy_protocol" values:"v1 v2 none" doc:"Header of the PROXY protocol at the start of each connection."`

	ConnectTimeout         *Duration    `policy:"connect_timeout" range:"1ms..1h" doc:"Time limit of one TCP connect."`
	LBPolicy               *string      `policy:"lb_policy" values:"round_robin least_request random ring_hash maglev" doc:"How an endpoint is chosen."`
	LeastRequest           LeastRequest `policy:"least_request"`
	RingHash               RingHash     `policy:"ring_hash"`
	Maglev                 Maglev       `policy:"maglev"`
	SlowStart              SlowStart    `policy:"slow_start"`
	Locality               *string      `policy:"locality" values:"none weighted zone_aware" doc:"none: localities do not count. weighted: each gets the share of its endpoints' weights. zone_aware: Envoy's own zone first."`
	ZoneAware              ZoneAware    `policy:"zone_aware"`
	Prefer                 *string      `policy:"prefer" values:"none region zone" doc:"Which endpoints come first for an Envoy that says where it stands (node.locality). zone: those in its own zone, then in its region, then the rest. region: those in its region, then the rest."`
	HealthyPanicThreshold  *Percent     `policy:"healthy_panic_threshold" range:"0%..100%" doc:"If fewer endpoints than this are healthy, Envoy disregards health. 0%: never."`
	OverprovisioningFactor *uint32      `policy:"overprovisioning_factor" range:"100..1000000" doc:"In percent: 140 means that degraded endpoints get traffic when fewer than 1/1.4 of all are healthy."`

	Failover      Sites   `policy:"failover" doc:"Where requests go while no instance here takes them: none (default), nearest (the other datacenters by their distance), or a list of datacenters and of peers, such as [dc2, cluster01.peer, nearest]. consul: where the service's service-resolver says. An owner can name datacenters, and no peers."`
	FailoverWhen  *string `policy:"failover_when" values:"empty degraded" doc:"empty (default): the next place gets requests while no instance of this one takes any, and gets none before. degraded: it gets a share as soon as fewer than 1/1.4 of this one's instances are healthy."`
	RemoteAddress *string `policy:"remote_address" owner:"no" values:"wan lan auto" doc:"At which address instances of other datacenters and of peers are reached: wan (default) and lan: the one that is tagged so, else their own. auto: as instances here are (--address)."`

	CircuitBreakers  CircuitBreakers `policy:"circuit_breakers"`
	OutlierDetection Outlier         `policy:"outlier_detection"`

	HealthChecks          []HealthCheck `policy:"health_checks" owner:"no" doc:"Envoy's own checks of each endpoint, at most 8, beside Consul's. An endpoint must pass them and be healthy in Consul. Envoy takes more than one from 1.40 on."`
	IgnoreHealthOnRemoval *bool         `policy:"ignore_health_on_host_removal" doc:"Whether an endpoint that Consul removed goes although Envoy's own checks pass. Default with health_checks: true."`
	CloseOnFailure        *bool         `policy:"close_connections_on_host_health_failure" doc:"Whether connections of TCP proxies to an endpoint are closed when health_checks or outlier detection find it unhealthy. Consul alone does not: see critical."`
	TLS                   TLS           `policy:"tls"`
	Critical              *string       `policy:"critical" values:"unhealthy drop degraded" doc:"What a critical instance is: unhealthy (no new traffic), left out, or degraded (traffic only if too few are healthy)."`
	Warning               *string       `policy:"warning" values:"healthy degraded unhealthy" doc:"What an instance in state warning is."`
	Maintenance           *string       `policy:"maintenance" values:"draining drop" doc:"What an instance in maintenance is: draining (no new traffic) or left out."`
	Weights               *bool         `policy:"weights" doc:"Whether Consul's weights count. false: all endpoints weigh 1."`
	EndpointMetadata      Metadata      `policy:"endpoint_metadata"`
	Subsets               Subsets       `policy:"subsets"`
	AltStatName           *string       `policy:"alt_stat_name" owner:"no" doc:"The cluster's name in Envoy's statistics. Default: its name, dots replaced by underscores."`
	DNS                   DNS           `policy:"dns"`
	Envoy                 *Raw          `policy:"envoy" owner:"no" doc:"Fields of envoy.config.cluster.v3.Cluster, merged last: messages field by field, lists and values replaced. Not name, nor how endpoints are found."`
}

// HTTP2 are settings of HTTP/2 connections.
type HTTP2 struct {
	MaxConcurrentStreams  *uint32   `policy:"max_concurrent_streams" range:"1..2147483647" doc:"Requests at once on one connection. Envoy's default is 1024."`
	StreamWindow          *Size     `policy:"initial_stream_window_size" range:"65535..2147483647" doc:"Flow-control window of a request. Envoy's default is 16MiB."`
	ConnectionWindow      *Size     `policy:"initial_connection_window_size" range:"65535..2147483647" doc:"Flow-control window of a connection. Envoy's default is 24MiB."`
	KeepaliveInterval     *Duration `policy:"keepalive_interval" range:"1ms..8760h" doc:"A ping after this time, again and again. Needs keepalive_timeout."`
	KeepaliveTimeout      *Duration `policy:"keepalive_timeout" range:"1ms..1h" doc:"A connection whose ping is not answered within this time is closed."`
	KeepaliveJitter       *Percent  `policy:"keepalive_jitter" range:"0%..100%" doc:"Random share that is added to keepalive_interval. Envoy's default is 15%."`
	KeepaliveIdleInterval *Duration `policy:"keepalive_idle_interval" range:"1ms..8760h" doc:"A connection that was idle for so long is pinged before it is used again. Needs keepalive_timeout."`
}

// Keepalive are probes of the operating system on idle connections. Without a field the system's value holds.
type Keepalive struct {
	Probes   *uint32   `policy:"probes" range:"1..127" doc:"Unanswered probes after which a connection is dead."`
	Time     *Duration `policy:"time" range:"1s..32767s" doc:"Idle time before the first probe, in whole seconds."`
	Interval *Duration `policy:"interval" range:"1s..32767s" doc:"Time between probes, in whole seconds."`
}

// LeastRequest are settings of lb_policy least_request.
type LeastRequest struct {
	ChoiceCount *uint32  `policy:"choice_count" range:"2..1000" doc:"How many random endpoints are compared; Envoy's default is 2."`
	Bias        *float64 `policy:"active_request_bias" range:"0..1000" doc:"How strongly requests in flight count where weights differ; Envoy's default is 1."`
}

// RingHash are settings of lb_policy ring_hash.
type RingHash struct {
	Minimum  *uint64 `policy:"minimum_ring_size" range:"1..8388608" doc:"Envoy's default is 1024. More keep shares closer to weights, and cost memory."`
	Maximum  *uint64 `policy:"maximum_ring_size" range:"1..8388608" doc:"Envoy's default is 8388608."`
	Function *string `policy:"hash_function" values:"xx_hash murmur_hash_2" doc:"murmur_hash_2 is that of libketama's successors."`
}

// Maglev are settings of lb_policy maglev.
type Maglev struct {
	TableSize *uint64 `policy:"table_size" range:"2..5000011" doc:"A prime number; Envoy's default is 65537."`
}

// SlowStart gives new endpoints less at first. It needs lb_policy round_robin or least_request.
type SlowStart struct {
	Window     *Duration `policy:"window" range:"0s..24h" doc:"How long an endpoint is new; 0: never."`
	Aggression *float64  `policy:"aggression" range:"0.001..1000" doc:"1 grows linearly, more grows faster at first. Envoy's default is 1."`
	MinWeight  *Percent  `policy:"min_weight_percent" range:"0%..100%" doc:"Share that a new endpoint begins with; Envoy's default is 10%."`
}

// ZoneAware are settings of locality zone_aware.
type ZoneAware struct {
	Routing        *Percent `policy:"routing_enabled" range:"0%..100%" doc:"Share of requests for which zones count; Envoy's default is 100%."`
	MinClusterSize *uint64  `policy:"min_cluster_size" range:"0..4294967295" doc:"With fewer endpoints zones do not count; Envoy's default is 6."`
	FailOnPanic    *bool    `policy:"fail_traffic_on_panic" doc:"Whether requests fail in panic mode instead of reaching unhealthy endpoints."`
}

// DNS says how Envoy resolves host names, if Legate does not (--resolve=false).
type DNS struct {
	Family     *string   `policy:"family" values:"v4_preferred v4_only v6_only all auto" doc:"Which addresses of a host name are used; default v4_preferred."`
	Refresh    *Duration `policy:"refresh" range:"2ms..24h" doc:"Time between two look-ups; default 5s."`
	RespectTTL *bool     `policy:"respect_ttl" doc:"Whether the TTL of the answer counts instead of refresh."`
}
