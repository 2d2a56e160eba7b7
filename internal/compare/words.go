package compare

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"

	"legate/internal/quote"
)

// httpOptions is the key of an upstream's protocol.
const httpOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

// Words say in a few words what a cluster is like: where its endpoints come from, its protocol, and
// all that is set, with its value if that is short. Empty if there is no cluster.
func (s Service) Words() string {
	c := s.Cluster
	if c == nil {
		return ""
	}
	words := []string{kind(c)}
	all, _ := s.settings().(map[string]any)
	delete(all, "type")
	delete(all, "cluster_type")
	delete(all, "eds_cluster_config")
	if p := protocol(c); p != "" {
		words = append(words, p)
		if options, _ := all["typed_extension_protocol_options"].(map[string]any); len(options) == 1 {
			delete(all, "typed_extension_protocol_options")
		}
	}
	if strings.HasSuffix(c.GetTransportSocket().GetName(), ".tls") {
		words = append(words, "tls")
		delete(all, "transport_socket")
	}
	if lb, _ := all["common_lb_config"].(map[string]any); len(lb) == 1 && lb["healthy_panic_threshold"] != nil {
		words = append(words, "panic threshold "+percent(c))
		delete(all, "common_lb_config")
	}
	for _, field := range slices.Sorted(maps.Keys(all)) {
		switch v := all[field].(type) {
		case map[string]any, []any:
			words = append(words, field)
		default:
			words = append(words, field+" "+quote.Text(value(v), quote.NameBytes))
		}
	}
	return strings.Join(words, ", ")
}

// kind says where the endpoints come from.
func kind(c *clusterv3.Cluster) string {
	if t := c.GetClusterType(); t != nil {
		if t.GetName() == "envoy.cluster.dns" {
			return "DNS"
		}
		return quote.Name(t.GetName())
	}
	return c.GetType().String()
}

// protocol is what an upstream speaks; empty if that is not said, or in a way that this does not know.
func protocol(c *clusterv3.Cluster) string {
	var o httpv3.HttpProtocolOptions
	packed := c.GetTypedExtensionProtocolOptions()[httpOptions]
	if packed == nil || packed.UnmarshalTo(&o) != nil {
		return ""
	}
	switch {
	case o.GetExplicitHttpConfig().GetHttp2ProtocolOptions() != nil:
		return "HTTP/2"
	case o.GetExplicitHttpConfig().GetHttpProtocolOptions() != nil:
		return "HTTP/1.1"
	case o.GetExplicitHttpConfig().GetHttp3ProtocolOptions() != nil:
		return "HTTP/3"
	case o.GetAutoConfig() != nil:
		return "HTTP/2 or HTTP/1.1 by ALPN"
	case o.GetUseDownstreamProtocolConfig() != nil:
		return "the protocol of the client"
	}
	return ""
}

func percent(c *clusterv3.Cluster) string {
	return strconv.FormatFloat(c.GetCommonLbConfig().GetHealthyPanicThreshold().GetValue(), 'g', -1, 64) + "%"
}
