package compare

import (
	"encoding/json"
	"fmt"
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"legate/internal/quote"
	"legate/translate"
)

// Envoy is what a running Envoy says of itself.
type Envoy struct {
	Node     string             // its node's id
	Place    translate.Place    // where it stands, by its node's locality
	Services map[string]Service // by name of the cluster, and by the name that it asks for endpoints by
	Unread   []string           // clusters with content that this program does not know
	Avoided  []string           // endpoints that it does not use by a decision of its own, and why

	wildcard bool              // it takes all clusters
	static   map[string]bool   // clusters of its own
	eds      map[string]string // names that it asks for endpoints by, and the cluster
}

// dump is what of Envoy's /config_dump?include_eds counts:
// https://www.envoyproxy.io/docs/envoy/latest/api-v3/admin/v3/config_dump.proto
type dump struct {
	Configs []struct {
		Bootstrap struct {
			Node struct {
				ID       string `json:"id"`
				Locality struct {
					Region string `json:"region"`
					Zone   string `json:"zone"`
				} `json:"locality"`
			} `json:"node"`
			Dynamic struct {
				CDS        json.RawMessage `json:"cds_config"`
				CDSLocator string          `json:"cds_resources_locator"`
			} `json:"dynamic_resources"`
		} `json:"bootstrap"`
		StaticClusters   []dumpedCluster  `json:"static_clusters"`
		DynamicClusters  []dumpedCluster  `json:"dynamic_active_clusters"`
		StaticEndpoints  []dumpedEndpoint `json:"static_endpoint_configs"`
		DynamicEndpoints []dumpedEndpoint `json:"dynamic_endpoint_configs"`
	} `json:"configs"`
}

type dumpedCluster struct {
	Cluster json.RawMessage `json:"cluster"`
}

type dumpedEndpoint struct {
	Endpoint json.RawMessage `json:"endpoint_config"`
}

// EnvoyOf reads an Envoy's /config_dump?include_eds and its /clusters?format=json. The health of an endpoint is what EDS
// said, and not what Envoy has found out itself; an endpoint that is gone, and that Envoy keeps for its active checks, is
// left out.
func EnvoyOf(config, clusters []byte) (Envoy, error) {
	e := Envoy{Services: map[string]Service{}, static: map[string]bool{}, eds: map[string]string{}}
	var d dump
	if err := json.Unmarshal(config, &d); err != nil {
		return e, fmt.Errorf("its configuration: %w", err)
	}
	hosts, err := hostsOf(clusters)
	if err != nil {
		return e, fmt.Errorf("its clusters: %w", err)
	}
	for _, c := range d.Configs {
		if b := c.Bootstrap; b.Node.ID != "" {
			e.Place = translate.Place{Region: b.Node.Locality.Region, Zone: b.Node.Locality.Zone}
			e.Node, e.wildcard = b.Node.ID, len(b.Dynamic.CDS) > 0 || b.Dynamic.CDSLocator != ""
		}
		for _, one := range c.StaticClusters {
			e.cluster(one, true)
		}
		for _, one := range c.DynamicClusters {
			e.cluster(one, false)
		}
	}
	for _, c := range d.Configs {
		for _, one := range slices.Concat(c.StaticEndpoints, c.DynamicEndpoints) {
			if err := e.endpoints(one, hosts); err != nil {
				return e, err
			}
		}
	}
	return e, nil
}

// read takes a message from JSON. Fields that a later Envoy has are ignored.
func read(text []byte, into proto.Message) error {
	return protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(text, into)
}

func (e *Envoy) cluster(one dumpedCluster, static bool) {
	c := &clusterv3.Cluster{}
	if err := read(one.Cluster, c); err != nil {
		var named struct {
			Name string `json:"name"`
		}
		_ = json.Unmarshal(one.Cluster, &named) // then it has no name
		if !static {
			e.Unread = append(e.Unread, named.Name)
		}
		return
	}
	if from := c.GetEdsClusterConfig(); c.GetType() == clusterv3.Cluster_EDS && from.GetEdsConfig().GetPathConfigSource() == nil && from.GetEdsConfig().GetPath() == "" { //nolint:staticcheck // Envoys still have it
		name := c.GetName()
		if from.GetServiceName() != "" {
			name = from.GetServiceName()
		}
		e.eds[name] = c.GetName()
	}
	if static {
		e.static[c.GetName()] = true
		return
	}
	s := e.Services[c.GetName()]
	s.Cluster = c
	e.Services[c.GetName()] = s
}

func (e *Envoy) endpoints(one dumpedEndpoint, hosts map[string]host) error {
	a := &endpointv3.ClusterLoadAssignment{}
	if err := read(one.Endpoint, a); err != nil {
		return fmt.Errorf("its endpoints: %w", err)
	}
	cluster, asked := e.eds[a.GetClusterName()]
	if !asked {
		return nil
	}
	for _, group := range a.GetEndpoints() {
		group.LbEndpoints = slices.DeleteFunc(group.GetLbEndpoints(), func(lb *endpointv3.LbEndpoint) bool {
			h := hosts[cluster+" "+addressOf(lb.GetEndpoint().GetAddress())]
			if why := h.avoided(); why != "" && !h.leaving {
				e.Avoided = append(e.Avoided, fmt.Sprintf("%s %s: %s", quote.Name(a.GetClusterName()), addressOf(lb.GetEndpoint().GetAddress()), why))
			}
			lb.HealthStatus = corev3.HealthStatus(corev3.HealthStatus_value[h.health])
			return h.leaving
		})
	}
	s := e.Services[a.GetClusterName()]
	s.Assignment = a
	e.Services[a.GetClusterName()] = s
	return nil
}

// host is what Envoy says of an endpoint beside its configuration.
type host struct {
	health  string // by EDS; empty: unknown
	leaving bool
	failed  bool // its active health check
	ejected bool // as an outlier
}

// avoided is why Envoy itself does not use it; empty if it does.
func (h host) avoided() string {
	switch {
	case h.failed && h.ejected:
		return "it fails its active health check, and is ejected as an outlier"
	case h.failed:
		return "it fails its active health check"
	case h.ejected:
		return "it is ejected as an outlier"
	}
	return ""
}

// hostsOf are the endpoints by cluster and address.
func hostsOf(clusters []byte) (map[string]host, error) {
	var said struct {
		Statuses []struct {
			Name  string `json:"name"`
			Hosts []struct {
				Address json.RawMessage `json:"address"`
				Health  struct {
					EDS     string `json:"eds_health_status"`
					Leaving bool   `json:"pending_dynamic_removal"`
					Failed  bool   `json:"failed_active_health_check"`
					Ejected bool   `json:"failed_outlier_check"`
				} `json:"health_status"`
			} `json:"host_statuses"`
		} `json:"cluster_statuses"`
	}
	if err := json.Unmarshal(clusters, &said); err != nil {
		return nil, err
	}
	all := map[string]host{}
	for _, c := range said.Statuses {
		for _, h := range c.Hosts {
			at := &corev3.Address{}
			if err := read(h.Address, at); err != nil {
				return nil, err
			}
			all[c.Name+" "+addressOf(at)] = host{h.Health.EDS, h.Health.Leaving, h.Health.Failed, h.Health.Ejected}
		}
	}
	return all, nil
}

// Wants are those of the services that the Envoy takes: all, or those that its own clusters ask for.
func (e Envoy) Wants(all map[string]Service) map[string]Service {
	wanted := map[string]Service{}
	for name, s := range all {
		_, asks := e.eds[name]
		if !e.wildcard || e.static[name] || slices.Contains(e.Unread, name) {
			s.Cluster = nil
		}
		if !asks && s.Cluster == nil {
			s.Assignment = nil
		}
		if s != (Service{}) {
			wanted[name] = s
		}
	}
	return wanted
}

// Told are the services without what an Envoy does not tell, or tells in another way: where a cluster's endpoints come from,
// the weights of localities, and what is set although it is the default.
func Told(all map[string]Service) map[string]Service {
	told := make(map[string]Service, len(all))
	for name, s := range all {
		if from := s.Cluster.GetEdsClusterConfig(); from != nil {
			s.Cluster = proto.CloneOf(s.Cluster)
			s.Cluster.EdsClusterConfig.EdsConfig = nil
			if from.GetServiceName() == "" {
				s.Cluster.EdsClusterConfig = nil
			}
		}
		if s.Assignment != nil {
			s.Assignment = toldAssignment(proto.CloneOf(s.Assignment))
		}
		told[name] = s
	}
	return told
}

// usualOverprovisioning is Envoy's default:
// https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/endpoint/v3/endpoint.proto
const usualOverprovisioning = 140

func toldAssignment(a *endpointv3.ClusterLoadAssignment) *endpointv3.ClusterLoadAssignment {
	factor := a.GetPolicy().GetOverprovisioningFactor()
	a.Policy = nil
	if factor != nil && factor.GetValue() != usualOverprovisioning {
		a.Policy = &endpointv3.ClusterLoadAssignment_Policy{OverprovisioningFactor: factor}
	}
	for _, group := range a.GetEndpoints() {
		group.LoadBalancingWeight = nil
		for _, lb := range group.GetLbEndpoints() {
			if lb.GetHealthStatus() == corev3.HealthStatus_UNKNOWN { // Envoy takes it for healthy
				lb.HealthStatus = corev3.HealthStatus_HEALTHY
			}
			if proto.Size(lb.GetMetadata()) == 0 {
				lb.Metadata = nil
			}
			at := lb.GetEndpoint()
			if check := at.GetHealthCheckConfig(); check != nil && check.GetPortValue() == at.GetAddress().GetSocketAddress().GetPortValue() {
				check.PortValue = 0
			}
			if proto.Size(at.GetHealthCheckConfig()) == 0 && at != nil {
				at.HealthCheckConfig = nil
			}
		}
	}
	return a
}
