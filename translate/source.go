package translate

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
)

// Source says over which stream an Envoy gets its assignments and secrets. The zero Source is the aggregated
// stream (ADS). An Envoy that gets its clusters outside of ADS cannot use that, and it does not support "where
// the cluster came from" either (ConfigSource.self). It has to be told a cluster to ask, and opens a
// stream there for each cluster.
type Source struct {
	Cluster     string `json:"cluster,omitempty"`     // the cluster in its bootstrap over which it reaches Legate
	Incremental bool   `json:"incremental,omitempty"` // whether it speaks the incremental protocol there
}

// Of returns the resource as an Envoy with this source needs it: what a cluster would get over ADS, it gets from
// the source instead. Everything else stays as it is.
func (s Source) Of(r Resource) (Resource, error) {
	if s == (Source{}) || r.Type != ClusterType {
		return r, nil
	}
	m, err := Decode(r)
	if err != nil {
		return Resource{}, err
	}
	c := m.(*clusterv3.Cluster)
	changed := s.replaces(c.GetEdsClusterConfig().GetEdsConfig())
	err = eachTLS(c, func(t *tlsv3.CommonTlsContext) (edited bool) {
		secrets := append(t.GetTlsCertificateSdsSecretConfigs(), t.GetValidationContextSdsSecretConfig(),
			t.GetCombinedValidationContext().GetValidationContextSdsSecretConfig())
		for _, one := range secrets {
			edited = s.replaces(one.GetSdsConfig()) || edited
		}
		changed = changed || edited
		return edited
	})
	if err != nil || !changed {
		return r, err
	}
	return encode(r.Name, c)
}

// replaces puts the source in the place of ADS, and reports whether it did. The ConfigSource may be nil.
func (s Source) replaces(from *corev3.ConfigSource) bool {
	if from.GetAds() == nil {
		return false
	}
	apiType := corev3.ApiConfigSource_GRPC
	if s.Incremental {
		apiType = corev3.ApiConfigSource_DELTA_GRPC
	}
	from.ConfigSourceSpecifier = &corev3.ConfigSource_ApiConfigSource{
		ApiConfigSource: &corev3.ApiConfigSource{
			ApiType:                   apiType,
			TransportApiVersion:       corev3.ApiVersion_V3,
			SetNodeOnFirstMessageOnly: true,
			GrpcServices: []*corev3.GrpcService{{TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{
				EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: s.Cluster},
			}}},
		},
	}
	return true
}
