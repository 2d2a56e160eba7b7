package translate

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
)

// Source is from where an Envoy gets its assignments. The zero Source is the aggregated stream, from
// which it has its clusters, too. An Envoy without one follows that nowhere; nor does it know a
// source "where the cluster came from" (ConfigSource.self). It opens a stream for each cluster.
type Source struct {
	Cluster     string `json:"cluster,omitempty"`     // of its bootstrap, by which it reaches Legate
	Incremental bool   `json:"incremental,omitempty"` // the protocol that it speaks there
}

// Of returns a resource for an Envoy with this source: a cluster that gets its assignment over the
// aggregated stream gets it from here instead. Everything else stays as it is.
func (s Source) Of(r Resource) (Resource, error) {
	if s == (Source{}) || r.Type != ClusterType {
		return r, nil
	}
	m, err := Decode(r)
	if err != nil {
		return Resource{}, err
	}
	c := m.(*clusterv3.Cluster)
	if c.GetEdsClusterConfig().GetEdsConfig().GetAds() == nil {
		return r, nil
	}
	apiType := corev3.ApiConfigSource_GRPC
	if s.Incremental {
		apiType = corev3.ApiConfigSource_DELTA_GRPC
	}
	c.EdsClusterConfig.EdsConfig.ConfigSourceSpecifier = &corev3.ConfigSource_ApiConfigSource{
		ApiConfigSource: &corev3.ApiConfigSource{
			ApiType:                   apiType,
			TransportApiVersion:       corev3.ApiVersion_V3,
			SetNodeOnFirstMessageOnly: true,
			GrpcServices: []*corev3.GrpcService{{TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{
				EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: s.Cluster},
			}}},
		},
	}
	return encode(r.Name, c)
}
