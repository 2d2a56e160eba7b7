package translate

import (
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	commondnsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/common/dns/v3"
	dnsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/dns/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

// edsCluster gets its endpoints from its assignment, over ADS. It depends on the name and the
// settings alone, so no instance can make Envoy rebuild it.
func edsCluster(name string, s Settings) *clusterv3.Cluster {
	c := cluster(name, s)
	c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}
	c.EdsClusterConfig = &clusterv3.Cluster_EdsClusterConfig{
		EdsConfig: &corev3.ConfigSource{
			ResourceApiVersion:    corev3.ApiVersion_V3,
			ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
		},
		ServiceName: name,
	}
	return c
}

// dnsCluster contains its endpoints, since EDS takes no host names. Envoy resolves them, and resolves
// them again every DNSRefresh. The cluster changes whenever an instance does; Envoy rebuilds it then.
func dnsCluster(name string, s Settings, endpoints []endpoint) (*clusterv3.Cluster, error) {
	dns := &dnsv3.DnsCluster{
		DnsRefreshRate: durationpb.New(s.DNSRefresh),
		// Envoy's default prefers IPv6 and would fail where a backend listens on IPv4 only.
		DnsLookupFamily: commondnsv3.DnsLookupFamily_V4_PREFERRED,
	}
	if err := dns.ValidateAll(); err != nil { // the cluster's own validation does not look into it
		return nil, err
	}
	config := &anypb.Any{}
	if err := anypb.MarshalFrom(config, dns, deterministic()); err != nil {
		return nil, err
	}
	c := cluster(name, s)
	c.ClusterDiscoveryType = &clusterv3.Cluster_ClusterType{ClusterType: &clusterv3.Cluster_CustomClusterType{
		Name:        "envoy.cluster.dns",
		TypedConfig: config,
	}}
	c.LoadAssignment = assignment(name, endpoints)
	return c, nil
}

func cluster(name string, s Settings) *clusterv3.Cluster {
	return &clusterv3.Cluster{
		Name:           name,
		AltStatName:    altStatName(name),
		ConnectTimeout: durationpb.New(s.ConnectTimeout),
		CommonLbConfig: &clusterv3.Cluster_CommonLbConfig{
			HealthyPanicThreshold: &typev3.Percent{Value: s.HealthyPanicThreshold},
		},
	}
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
