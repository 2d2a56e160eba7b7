package envoycheck

import (
	"fmt"
	"net/netip"
	"slices"
)

// Check returns what is wrong with a bootstrap, in its order. served says whether Legate serves a name; nil:
// it is not known.
func Check(bootstrap map[string]any, served func(name string) bool) []Finding {
	b := boot{root: tree{bootstrap}, served: served}
	b.node()
	b.sources()
	for _, name := range b.servers() {
		b.server(name)
	}
	for i, c := range b.clusters() {
		if c.at("eds_cluster_config").is() {
			b.endpoints(fmt.Sprintf("static_resources.clusters[%d] (%s)", i, c.at("name").text()), c)
		}
	}
	b.admin()
	return b.found
}

// boot is a bootstrap that is being checked.
type boot struct {
	root   tree
	served func(string) bool
	found  findings
}

func (b *boot) clusters() []tree { return b.root.at("static_resources", "clusters").list() }

func (b *boot) ads() tree { return b.root.at("dynamic_resources", "ads_config") }

// node: Envoy does not start a stream without a name, and Legate knows it by that.
func (b *boot) node() {
	for _, key := range []string{"id", "cluster"} {
		if b.root.at("node", key).text() == "" {
			b.found.add(Error, "node."+key, "is not set: Envoy does not start with a control plane without it",
				fmt.Sprintf("set it, or start Envoy with --service-%s", map[string]string{"id": "node", "cluster": "cluster"}[key]))
		}
	}
}

// sources are where the clusters and endpoints come from.
func (b *boot) sources() {
	cds, fromADS, some := b.root.at("dynamic_resources", "cds_config"), false, false
	configs := map[string]tree{}
	if cds.is() {
		configs["dynamic_resources.cds_config"] = cds
	}
	for i, c := range b.clusters() {
		if eds := c.at("eds_cluster_config"); eds.is() {
			configs[fmt.Sprintf("static_resources.clusters[%d].eds_cluster_config.eds_config", i)] = eds.at("eds_config")
		}
	}
	for _, where := range sorted(configs) {
		some = true
		c := configs[where]
		fromADS = fromADS || c.at("ads").is()
		if v := c.at("resource_api_version").text(); v != "V3" {
			b.found.add(Error, where, "resource_api_version is not V3: Envoy has no other any more", "set resource_api_version: V3")
		}
		if source := c.at("api_config_source"); source.is() {
			b.source(where+".api_config_source", source)
		}
		if c.at("initial_fetch_timeout").text() == "0s" {
			b.found.add(Warning, where, "initial_fetch_timeout is 0s: Envoy does not start while Legate is away", "leave it out: after 15 s Envoy starts with what it has")
		}
	}
	switch {
	case b.ads().is():
		b.source("dynamic_resources.ads_config", b.ads())
		if !fromADS {
			b.found.add(Error, "dynamic_resources", "nothing takes its configuration from ads_config",
				"add cds_config: {resource_api_version: V3, ads: {}}, or give static clusters eds_config: {resource_api_version: V3, ads: {}}")
		}
	case fromADS:
		b.found.add(Error, "dynamic_resources.ads_config", "is not there, and something takes its configuration from ADS", `take it from "legate bootstrap envoy"`)
	case !some:
		b.found.add(Error, "dynamic_resources", "Envoy asks no control plane for anything", `start from "legate bootstrap envoy"`)
	}
}

// source is how a control plane is asked.
func (b *boot) source(where string, s tree) {
	if v := s.at("transport_api_version").text(); v != "V3" {
		b.found.add(Error, where, "transport_api_version is not V3: Envoy has no other any more", "set transport_api_version: V3")
	}
	switch kind := s.at("api_type").text(); kind {
	case "DELTA_GRPC", "REST":
	case "GRPC":
		b.found.add(Warning, where, "api_type is GRPC: each change of one cluster sends all clusters again", "set api_type: DELTA_GRPC")
	default:
		b.found.add(Error, where, fmt.Sprintf("api_type is %q: Envoy does not know it", kind), "set api_type: DELTA_GRPC")
	}
}

// servers are the names of the clusters over which control planes are reached, each once.
func (b *boot) servers() (names []string) {
	add := func(s tree) {
		for _, g := range s.at("grpc_services").list() {
			if name := g.at("envoy_grpc", "cluster_name").text(); name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	add(b.ads())
	add(b.root.at("dynamic_resources", "cds_config", "api_config_source"))
	for _, c := range b.clusters() {
		add(c.at("eds_cluster_config", "eds_config", "api_config_source"))
	}
	return names
}

// server checks the cluster over which a control plane is reached by gRPC.
func (b *boot) server(name string) {
	where := "cluster " + name
	i := slices.IndexFunc(b.clusters(), func(c tree) bool { return c.at("name").text() == name })
	if i < 0 {
		b.found.add(Error, where, "is not among the static clusters, and Envoy reaches Legate over it", `take it from "legate bootstrap envoy"`)
		return
	}
	c := b.clusters()[i]
	options := c.at("typed_extension_protocol_options")
	switch {
	case c.at("eds_cluster_config").is():
		b.found.add(Error, where, "gets its endpoints over EDS: Envoy would have to ask Legate where Legate is", "make it STATIC or STRICT_DNS")
	case !options.has("http2_protocol_options") && !c.at("http2_protocol_options").is():
		b.found.add(Error, where, "does not speak HTTP/2, which gRPC needs", "set explicit_http_config: {http2_protocol_options: {}} in its HttpProtocolOptions")
	case !c.has("connection_keepalive"):
		b.found.add(Warning, where, "has no keepalive: Envoy does not notice for a quarter of an hour that Legate's machine is gone", "set connection_keepalive: {interval: 30s, timeout: 5s} in http2_protocol_options")
	}
	if !c.at("transport_socket").is() {
		for _, address := range addresses(c) {
			if ip, err := netip.ParseAddr(address); err != nil && address != "localhost" || err == nil && !ip.IsLoopback() {
				b.found.add(Warning, where, "reaches "+address+" without TLS: whoever is in between can give Envoy other endpoints", "use --tls-cert of legate serve, and --ca-file of legate bootstrap envoy")
				return
			}
		}
	}
}

// addresses are the hosts of a cluster's own endpoints.
func addresses(c tree) (all []string) {
	for _, group := range c.at("load_assignment", "endpoints").list() {
		for _, e := range group.at("lb_endpoints").list() {
			if host := e.at("endpoint", "address", "socket_address", "address").text(); host != "" {
				all = append(all, host)
			}
		}
	}
	return all
}

// endpoints checks a static cluster whose endpoints come from Legate.
func (b *boot) endpoints(where string, c tree) {
	if !c.at("common_lb_config", "healthy_panic_threshold").is() {
		b.found.add(Warning, where, "has Envoy's panic threshold: with more than half of the endpoints unhealthy, requests go to unhealthy ones, too",
			"set common_lb_config: {healthy_panic_threshold: {value: 0}}")
	}
	name := c.at("eds_cluster_config", "service_name").text()
	if name == "" {
		name = c.at("name").text()
	}
	if b.served != nil && !b.served(name) {
		b.found.add(Error, where, fmt.Sprintf("asks for the endpoints of %q, which is not served: requests get 503", name), "correct the name, or register the service")
	}
}

// admin: who reaches it can stop Envoy.
func (b *boot) admin() {
	host := b.root.at("admin", "address", "socket_address", "address").text()
	if ip, err := netip.ParseAddr(host); err == nil && !ip.IsLoopback() {
		b.found.add(Warning, "admin.address", "other machines could reach Envoy's admin page at "+host+", and stop Envoy", "listen on 127.0.0.1")
	}
}

func sorted(m map[string]tree) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
