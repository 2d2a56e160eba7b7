package compare

import (
	"slices"
	"testing"
)

// What an Envoy with dynamic clusters says of itself, in short.
const (
	dumpOfAll = `{"configs": [
 {"bootstrap": {"node": {"id": "edge-1"}, "dynamic_resources": {"cds_config": {"ads": {}}}}},
 {"static_clusters": [{"cluster": {"name": "legate"}}],
  "dynamic_active_clusters": [{"cluster": {"name": "web", "type": "EDS", "connect_timeout": "1s", "eds_cluster_config": {"eds_config": {"ads": {}}}}}, {"cluster": {"name": "odd", "type": 1.5}}]},
 {"dynamic_endpoint_configs": [{"endpoint_config": {"cluster_name": "web", "policy": {"overprovisioning_factor": 140}, "endpoints": [{"locality": {"region": "eu"}, "lb_endpoints": [
  {"endpoint": {"address": {"socket_address": {"address": "10.0.0.7", "port_value": 80}}, "health_check_config": {"port_value": 80}}, "health_status": "UNHEALTHY", "metadata": {}, "load_balancing_weight": 1},
  {"endpoint": {"address": {"socket_address": {"address": "10.0.0.9", "port_value": 80}}}, "health_status": "HEALTHY"}]}]}}]}]}`
	dumpOfOwn = `{"configs": [
 {"bootstrap": {"node": {"id": "edge-2"}}},
 {"static_clusters": [{"cluster": {"name": "front", "type": "EDS", "eds_cluster_config": {"service_name": "web"}}}, {"cluster": {"name": "x", "type": "EDS", "eds_cluster_config": {"eds_config": {"path_config_source": {"path": "/x"}}, "service_name": "api"}}}]},
 {"static_endpoint_configs": [{"endpoint_config": {"cluster_name": "web"}}, {"endpoint_config": {"cluster_name": "api"}}]}]}`
	// Envoy has ejected 10.0.0.7, and keeps 10.0.0.9 for as long as its own checks pass.
	hostsOfAll = `{"cluster_statuses": [{"name": "web", "host_statuses": [
 {"address": {"socket_address": {"address": "10.0.0.7", "port_value": 80}}, "health_status": {"failed_outlier_check": true, "failed_active_health_check": true, "eds_health_status": "HEALTHY"}},
 {"address": {"socket_address": {"address": "10.0.0.9", "port_value": 80}}, "health_status": {"pending_dynamic_removal": true}}]}]}`
)

func TestWhatEnvoyDecidesItselfIsNoFault(t *testing.T) {
	served := map[string]Service{
		"web": service(t, eds, groups(in("eu", "", `, "load_balancing_weight": 1`, at("10.0.0.7", "")))),
		"odd": service(t, eds, ""),
		"api": service(t, eds, groups(in("eu", "", "", at("10.0.0.4", "")))),
	}
	for _, c := range []struct {
		name, dump, hosts string
		unread, want      []string
		avoided           []string
	}{
		{"one that takes all clusters", dumpOfAll, hostsOfAll, []string{"odd"}, []string{"edge-1 lacks api 10.0.0.4:80, which Legate serves", "edge-1 lacks cluster api, which Legate serves"}, []string{"web 10.0.0.7:80: it fails its active health check, and is ejected as an outlier"}},
		{"one with clusters of its own", dumpOfOwn, `{}`, nil, []string{"edge-2 lacks web 10.0.0.7:80, which Legate serves"}, nil},
	} {
		e, err := EnvoyOf([]byte(c.dump), []byte(c.hosts))
		if err != nil {
			t.Fatal(c.name, err)
		}
		var got []string
		for _, f := range Faults(Side{e.Node, "has", Told(e.Services)}, Side{"Legate", "serves", e.Wants(Told(served))}) {
			got = append(got, f.String())
		}
		if !slices.Equal(got, c.want) || !slices.Equal(e.Unread, c.unread) || !slices.Equal(e.Avoided, c.avoided) {
			t.Errorf("%s: unread %q, avoided %q\n got %q\nwant %q", c.name, e.Unread, e.Avoided, got, c.want)
		}
	}
	for _, bad := range [][2]string{{"x", "{}"}, {"{}", "x"}, {dumpOfAll, `{"cluster_statuses": [{"host_statuses": [{"address": 1}]}]}`}} {
		if _, err := EnvoyOf([]byte(bad[0]), []byte(bad[1])); err == nil {
			t.Errorf("%q is understood", bad)
		}
	}
}
