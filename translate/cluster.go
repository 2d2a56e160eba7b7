package translate

import (
	"strings"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	commondnsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/common/dns/v3"
	dnsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/dns/v3"
	"google.golang.org/protobuf/types/known/durationpb"

	"legate/translate/policy"
)

// edsCluster gets its endpoints from its assignment, over ADS. It depends on the name and the policy
// alone, so no instance can make Envoy rebuild it.
func edsCluster(name string, p policy.Policy) (*clusterv3.Cluster, error) {
	return cluster(name, p, func(c *clusterv3.Cluster) error {
		c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}
		c.EdsClusterConfig = &clusterv3.Cluster_EdsClusterConfig{
			EdsConfig:   overADS(),
			ServiceName: name,
		}
		return nil
	})
}

// overADS is the stream over which Envoy gets its clusters.
func overADS() *corev3.ConfigSource {
	return &corev3.ConfigSource{
		ResourceApiVersion:    corev3.ApiVersion_V3,
		ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
	}
}

// dnsCluster contains its endpoints, since EDS takes no host names. Envoy resolves them, again and again.
// The cluster changes whenever an instance does; Envoy rebuilds it then.
func dnsCluster(name string, p policy.Policy, endpoints []endpoint) (*clusterv3.Cluster, error) {
	// Envoy's default family prefers IPv6 and would fail where a backend listens on IPv4 only.
	dns := &dnsv3.DnsCluster{DnsRefreshRate: durationpb.New(5 * time.Second), DnsLookupFamily: commondnsv3.DnsLookupFamily_V4_PREFERRED}
	if p.DNS.Family != nil {
		dns.DnsLookupFamily = commondnsv3.DnsLookupFamily(commondnsv3.DnsLookupFamily_value[strings.ToUpper(*p.DNS.Family)])
	}
	if p.DNS.Refresh != nil {
		dns.DnsRefreshRate = span(p.DNS.Refresh)
	}
	dns.RespectDnsTtl = isTrue(p.DNS.RespectTTL)
	config, err := typed(dns)
	if err != nil {
		return nil, err
	}
	return cluster(name, p, func(c *clusterv3.Cluster) error {
		c.ClusterDiscoveryType = &clusterv3.Cluster_ClusterType{ClusterType: &clusterv3.Cluster_CustomClusterType{
			Name:        "envoy.cluster.dns",
			TypedConfig: config,
		}}
		c.LoadAssignment = assignment(name, p, endpoints)
		return nil
	})
}

// cluster is what the policy says, and then how endpoints are found. The operator's raw fields come last;
// they cannot touch that.
func cluster(name string, p policy.Policy, endpoints func(*clusterv3.Cluster) error) (*clusterv3.Cluster, error) {
	c := &clusterv3.Cluster{
		Name:                                name,
		AltStatName:                         altStatName(name),
		ConnectTimeout:                      span(p.ConnectTimeout),
		PerConnectionBufferLimitBytes:       bytesOf(p.BufferLimit),
		CircuitBreakers:                     circuitBreakers(p.CircuitBreakers),
		OutlierDetection:                    outlierDetection(p.OutlierDetection),
		HealthChecks:                        healthChecks(p),
		CloseConnectionsOnHostHealthFailure: isTrue(p.CloseOnFailure),
		UpstreamConnectionOptions:           keepalive(p.TCPKeepalive),
		UpstreamBindConfig:                  bind(p.SourceAddress),
		LbSubsetConfig:                      subsets(p.Subsets),
	}
	if p.AltStatName != nil {
		c.AltStatName = *p.AltStatName
	}
	// Envoy's own check of a process that lives on would otherwise keep what Consul removed.
	c.IgnoreHealthOnHostRemoval = len(p.HealthChecks) > 0
	if p.IgnoreHealthOnRemoval != nil {
		c.IgnoreHealthOnHostRemoval = *p.IgnoreHealthOnRemoval
	}
	balance(c, p)
	if err := protocol(c, p); err != nil {
		return nil, err
	}
	if err := transport(c, p); err != nil {
		return nil, err
	}
	if err := endpoints(c); err != nil {
		return nil, err
	}
	return c, mergeRaw(c, p.Envoy)
}

// altStatName is the cluster's name in Envoy's statistics; empty: the cluster's own name. There, dots
// separate levels: cluster.a.b.upstream_rq could be of a or of a.b. So dots become underscores. Services
// whose names differ only in that share their statistics, not their traffic.
func altStatName(name string) string {
	if !strings.Contains(name, ".") {
		return ""
	}
	return strings.ReplaceAll(name, ".", "_")
}
