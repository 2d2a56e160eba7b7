package policy

// CircuitBreakers bound what one Envoy has open to a service. What is above is refused at once (503, flag UO).
type CircuitBreakers struct {
	Thresholds
	High Thresholds `policy:"high"` // for requests whose route has priority HIGH
}

// Thresholds are those of one priority.
type Thresholds struct {
	MaxConnections      *uint32  `policy:"max_connections" range:"0..4294967295" doc:"Connections; Envoy's default is 1024."`
	MaxPendingRequests  *uint32  `policy:"max_pending_requests" range:"0..4294967295" doc:"Requests that wait for a connection; Envoy's default is 1024."`
	MaxRequests         *uint32  `policy:"max_requests" range:"0..4294967295" doc:"Requests at once; Envoy's default is 1024."`
	MaxRetries          *uint32  `policy:"max_retries" range:"0..4294967295" doc:"Retries at once; Envoy's default is 3."`
	MaxConnectionPools  *uint32  `policy:"max_connection_pools" range:"0..4294967295" doc:"Connection pools; Envoy's default is no limit."`
	BudgetPercent       *Percent `policy:"retry_budget_percent" range:"0%..100%" doc:"Retries at once, as a share of the requests at once, instead of max_retries. Envoy's default is 20%."`
	MinRetryConcurrency *uint32  `policy:"retry_budget_min_concurrency" range:"0..4294967295" doc:"Retries at once that the budget allows in any case; Envoy's default is 3."`
	TrackRemaining      *bool    `policy:"track_remaining" doc:"Whether Envoy's statistics say how much is left (remaining_cx, ...)."`
}

// Outlier takes endpoints out for a while that answer badly.
type Outlier struct {
	Enabled                       *bool     `policy:"enabled" doc:"false switches it off, whatever the other fields say. Default: on if another field is set."`
	Consecutive5xx                *uint32   `policy:"consecutive_5xx" range:"0..4294967295" doc:"Server errors in a row; Envoy's default is 5."`
	Interval                      *Duration `policy:"interval" range:"1ms..24h" doc:"Time between two looks; Envoy's default is 10s."`
	BaseEjectionTime              *Duration `policy:"base_ejection_time" range:"1ms..24h" doc:"An endpoint is out for this time, multiplied by how often it was; Envoy's default is 30s."`
	MaxEjectionTime               *Duration `policy:"max_ejection_time" range:"1ms..8760h" doc:"But not longer than this; Envoy's default is 300s, or base_ejection_time."`
	MaxEjectionTimeJitter         *Duration `policy:"max_ejection_time_jitter" range:"0s..24h" doc:"At most this is added at random."`
	MaxEjectionPercent            *uint32   `policy:"max_ejection_percent" range:"0..100" doc:"At most this share of the endpoints is out; Envoy's default is 10."`
	EnforcingConsecutive5xx       *uint32   `policy:"enforcing_consecutive_5xx" range:"0..100" doc:"Chance in percent that it is acted on; 0 only counts. Envoy's default is 100."`
	ConsecutiveGateway            *uint32   `policy:"consecutive_gateway_failure" range:"0..4294967295" doc:"Answers 502, 503 or 504 in a row; Envoy's default is 5."`
	EnforcingGateway              *uint32   `policy:"enforcing_consecutive_gateway_failure" range:"0..100" doc:"Chance in percent that it is acted on; Envoy's default is 0."`
	SplitLocal                    *bool     `policy:"split_external_local_origin_errors" doc:"Whether failed connects and timeouts are counted apart from answers."`
	ConsecutiveLocal              *uint32   `policy:"consecutive_local_origin_failure" range:"0..4294967295" doc:"Failed connects and timeouts in a row; Envoy's default is 5."`
	EnforcingLocal                *uint32   `policy:"enforcing_consecutive_local_origin_failure" range:"0..100" doc:"Chance in percent that it is acted on; Envoy's default is 100."`
	EnforcingSuccessRate          *uint32   `policy:"enforcing_success_rate" range:"0..100" doc:"Chance in percent that a low success rate is acted on; Envoy's default is 100."`
	EnforcingLocalSuccessRate     *uint32   `policy:"enforcing_local_origin_success_rate" range:"0..100" doc:"The same for connects and timeouts; Envoy's default is 100."`
	SuccessRateMinimumHosts       *uint32   `policy:"success_rate_minimum_hosts" range:"0..4294967295" doc:"So many endpoints must have enough requests; Envoy's default is 5."`
	SuccessRateVolume             *uint32   `policy:"success_rate_request_volume" range:"0..4294967295" doc:"Enough requests, in one interval; Envoy's default is 100."`
	SuccessRateStdev              *uint32   `policy:"success_rate_stdev_factor" range:"0..4294967295" doc:"A rate is low if it is so many thousandths of a standard deviation below the mean; Envoy's default is 1900."`
	FailurePercentageThreshold    *uint32   `policy:"failure_percentage_threshold" range:"0..100" doc:"Share of failures in an interval; Envoy's default is 85."`
	EnforcingFailurePercentage    *uint32   `policy:"enforcing_failure_percentage" range:"0..100" doc:"Chance in percent that it is acted on; Envoy's default is 0."`
	EnforcingFailureLocal         *uint32   `policy:"enforcing_failure_percentage_local_origin" range:"0..100" doc:"The same for connects and timeouts; Envoy's default is 0."`
	FailurePercentageMinimumHosts *uint32   `policy:"failure_percentage_minimum_hosts" range:"0..4294967295" doc:"So many endpoints must have enough requests; Envoy's default is 5."`
	FailurePercentageVolume       *uint32   `policy:"failure_percentage_request_volume" range:"0..4294967295" doc:"Enough requests, in one interval; Envoy's default is 50."`
	UnejectOnCheck                *bool     `policy:"successful_active_health_check_uneject_host" doc:"Whether an endpoint that passes health_checks is let in again at once; Envoy's default is true."`
	AlwaysEjectOne                *bool     `policy:"always_eject_one_host" doc:"Whether one endpoint may be out although max_ejection_percent is less."`
}

// HealthCheck is one check that Envoy makes of each endpoint.
type HealthCheck struct {
	Type                  *string   `policy:"type" values:"http grpc tcp" doc:"Which kind of check."`
	Path                  *string   `policy:"path" doc:"http: the path that is asked for."`
	Host                  *string   `policy:"host" doc:"http: the Host header; grpc: the authority. Default: the cluster's name."`
	Method                *string   `policy:"method" values:"GET HEAD POST PUT DELETE OPTIONS TRACE PATCH" doc:"http: the method; default GET."`
	ExpectedStatuses      []string  `policy:"expected_statuses" doc:"http: the good answers, such as 200 or 200-299; default 200."`
	ServiceName           *string   `policy:"service_name" doc:"grpc: the service that is asked for; default the whole server."`
	Send                  *string   `policy:"send" doc:"tcp: what is sent, as text. Default: the check only connects."`
	Receive               *string   `policy:"receive" doc:"tcp: what the answer must contain, as text."`
	Port                  *uint32   `policy:"port" range:"1..65534" doc:"Another port than the endpoint's."`
	Timeout               *Duration `policy:"timeout" range:"1ms..1h" doc:"Time limit of one check."`
	Interval              *Duration `policy:"interval" range:"1ms..24h" doc:"Time between two checks."`
	UnhealthyInterval     *Duration `policy:"unhealthy_interval" range:"1ms..24h" doc:"The same for an unhealthy endpoint; default interval."`
	UnhealthyEdgeInterval *Duration `policy:"unhealthy_edge_interval" range:"1ms..24h" doc:"The same right after the first failure; default unhealthy_interval."`
	HealthyEdgeInterval   *Duration `policy:"healthy_edge_interval" range:"1ms..24h" doc:"The same right after the first success; default interval."`
	NoTrafficInterval     *Duration `policy:"no_traffic_interval" range:"1ms..24h" doc:"The same while a cluster has no traffic; Envoy's default is 60s."`
	InitialJitter         *Duration `policy:"initial_jitter" range:"0s..1h" doc:"The first check is delayed at random by at most this."`
	IntervalJitter        *Duration `policy:"interval_jitter" range:"0s..1h" doc:"Each check is delayed at random by at most this."`
	UnhealthyThreshold    *uint32   `policy:"unhealthy_threshold" range:"1..1000" doc:"Failures in a row that make it unhealthy."`
	HealthyThreshold      *uint32   `policy:"healthy_threshold" range:"1..1000" doc:"Successes in a row that make it healthy."`
	ReuseConnection       *bool     `policy:"reuse_connection" doc:"Whether checks share a connection; Envoy's default is true."`
}

// TLS says that connections are encrypted, and whom Envoy believes.
type TLS struct {
	Enabled     *bool    `policy:"enabled" doc:"false switches TLS off, whatever the other fields say. Default: on if another field is set."`
	SNI         *string  `policy:"sni" doc:"The name that is asked for. host: each instance's own host name."`
	CA          *string  `policy:"ca" owner:"no" doc:"Authorities that are believed: system (those of Envoy's machine), or the path of a PEM file there. Default: system."`
	Cert        *string  `policy:"cert_file" owner:"no" doc:"Path of Envoy's own certificate (PEM) on its machine. Needs key_file."`
	Key         *string  `policy:"key_file" owner:"no" doc:"Path of its key."`
	SDS         *string  `policy:"sds" owner:"no" doc:"Envoy's own certificate, instead of cert_file and key_file: the name of a secret in its bootstrap, or the path of an SDS file, /etc/envoy/NAME.yaml with the secret NAME, whose files Envoy watches."`
	CASDS       *string  `policy:"ca_sds" owner:"no" doc:"The authorities, instead of ca: the name of a secret in Envoy's bootstrap, or the path of an SDS file, as for sds. Names that the secret has count without sni, or beside sans."`
	SANs        []string `policy:"sans" owner:"no" doc:"Names of which the certificate must have one: a DNS name, spiffe:// or another URI, an IP address; * stands for any characters. Default: the name that sni asks for."`
	MinVersion  *string  `policy:"min_version" values:"1.2 1.3" doc:"Lowest version of TLS; default 1.2."`
	MaxVersion  *string  `policy:"max_version" values:"1.2 1.3" doc:"Highest version of TLS; default 1.3."`
	ALPN        []string `policy:"alpn" doc:"Protocols that are offered. Default: what protocol needs."`
	SessionKeys *uint32  `policy:"max_session_keys" range:"0..4294967295" doc:"Sessions that are kept for reuse; 0: none. Envoy's default is 1."`
}

// Metadata says which of Consul's data become an endpoint's metadata in Envoy, under envoy.lb.
type Metadata struct {
	Meta     []string `policy:"meta" owner:"no" doc:"Keys of the instance's meta."`
	NodeMeta []string `policy:"node_meta" owner:"no" doc:"Keys of its node's meta."`
	Tags     []string `policy:"tags" owner:"no" doc:"Tags. version takes the tag version (its value is true) and tags such as version=2 (its value is 2)."`
}

// Subsets are the parts of a service that routes can choose by endpoint metadata.
type Subsets struct {
	Selectors           []Selector        `policy:"selectors" owner:"no" doc:"By which keys of the metadata there are subsets."`
	Fallback            *string           `policy:"fallback_policy" owner:"no" values:"no_fallback any_endpoint default_subset" doc:"What a request gets that no subset fits; default no_fallback."`
	DefaultSubset       map[string]string `policy:"default_subset" owner:"no" doc:"Metadata of the endpoints that fallback_policy default_subset uses."`
	ListAsAny           *bool             `policy:"list_as_any" owner:"no" doc:"Whether a list in the metadata matches by any of its values."`
	ScaleLocalityWeight *bool             `policy:"scale_locality_weight" owner:"no" doc:"Whether a locality's weight shrinks to the share that the subset has of it. Needs locality_weight_aware."`
	LocalityAware       *bool             `policy:"locality_weight_aware" owner:"no" doc:"Whether localities count within a subset. Needs locality weighted."`
	PanicModeAny        *bool             `policy:"panic_mode_any" owner:"no" doc:"Whether a subset without healthy endpoints uses any endpoint."`
}

// Selector makes a subset for each combination of values of its keys.
type Selector struct {
	Keys               []string `policy:"keys" doc:"Keys of the metadata."`
	Fallback           *string  `policy:"fallback_policy" values:"no_fallback any_endpoint default_subset keys_subset" doc:"Instead of that of all subsets."`
	FallbackKeysSubset []string `policy:"fallback_keys_subset" doc:"Keys that are tried instead, for fallback_policy keys_subset."`
	SingleHost         *bool    `policy:"single_host_per_subset" doc:"Whether each subset has one endpoint."`
}
