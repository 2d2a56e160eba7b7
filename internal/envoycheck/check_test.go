package envoycheck

import (
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// good is a bootstrap with nothing wrong. The table changes one place of it.
const good = `
node: {id: edge-1, cluster: edge}
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 9901}}}
dynamic_resources:
  ads_config: {api_type: DELTA_GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: _legate}}]}
  cds_config: {resource_api_version: V3, ads: {}}
static_resources:
  clusters:
  - name: _legate
    type: STATIC
    load_assignment: {cluster_name: _legate, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 18000}}}}]}]}
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {explicit_http_config: {http2_protocol_options: {connection_keepalive: {interval: 30s, timeout: 5s}}}}
  - name: web
    type: EDS
    common_lb_config: {healthy_panic_threshold: {value: 0}}
    eds_cluster_config: {eds_config: {resource_api_version: V3, ads: {}}}
`

func check(t *testing.T, text string) []Finding {
	t.Helper()
	var b map[string]any
	if err := yaml.Unmarshal([]byte(text), &b); err != nil {
		t.Fatal(err)
	}
	return Check(b, func(name string) bool { return name == "web" })
}

func TestEachMistakeInABootstrapIsFound(t *testing.T) {
	for _, c := range []struct{ old, changed, want string }{
		{"", "", ""},
		{"id: edge-1, ", "", "error node.id"},
		{", cluster: edge}", "}", "error node.cluster"},
		{"127.0.0.1, port_value: 9901", "0.0.0.0, port_value: 9901", "warning admin.address"},
		{"  ads_config", "  no_config", "error dynamic_resources.ads_config"},
		{"api_type: DELTA_GRPC, ", "api_type: GRPC, ", "warning dynamic_resources.ads_config"},
		{"api_type: DELTA_GRPC, ", "", "error dynamic_resources.ads_config"},
		{"transport_api_version: V3", "transport_api_version: V2", "error dynamic_resources.ads_config"},
		{"{resource_api_version: V3, ads: {}}\nstatic", "{ads: {}}\nstatic", "error dynamic_resources.cds_config"},
		{"{resource_api_version: V3, ads: {}}\nstatic", "{resource_api_version: V3, ads: {}, initial_fetch_timeout: 0s}\nstatic", "warning dynamic_resources.cds_config"},
		{"- name: _legate", "- name: legate", "error cluster _legate"},
		{"type: STATIC", "type: EDS\n    common_lb_config: {healthy_panic_threshold: {}}\n    eds_cluster_config: {service_name: web, eds_config: {resource_api_version: V3, ads: {}}}", "error cluster _legate"},
		{"http2_protocol_options", "http_protocol_options", "error cluster _legate"},
		{"{connection_keepalive: {interval: 30s, timeout: 5s}}", "{}", "warning cluster _legate"},
		{"address: 127.0.0.1, port_value: 18000", "address: 10.0.0.1, port_value: 18000", "warning cluster _legate"},
		{"address: 127.0.0.1, port_value: 18000", "address: legate.internal, port_value: 18000", "warning cluster _legate"},
		{"common_lb_config: {healthy_panic_threshold: {value: 0}}", "lb_policy: RANDOM", "warning static_resources.clusters[1] (web)"},
		{"name: web", "name: wbe", "error static_resources.clusters[1] (wbe)"},
		{"eds_cluster_config: {", "eds_cluster_config: {service_name: wbe, ", "error static_resources.clusters[1] (web)"},
		{"ads: {}", "path_config_source: {path: x}", "error dynamic_resources"},
		{"ads: {}", "api_config_source: {api_type: REST, transport_api_version: V3, cluster_names: [_legate]}", "error dynamic_resources"},
	} {
		text := strings.ReplaceAll(good, c.old, c.changed)
		if c.old == "" {
			text = good
		}
		var got []string
		for _, f := range check(t, text) {
			got = append(got, fmt.Sprintf("%s %s", f.Severity, f.Where))
			if f.Detail == "" || f.Remedy == "" {
				t.Errorf("%+v has no remedy", f)
			}
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%q → %q: found %q, want %q", c.old, c.changed, got, c.want)
		}
	}
}

func TestAnEnvoyThatAsksNobodyIsFound(t *testing.T) {
	if got := check(t, "node: {id: a, cluster: b}"); len(got) != 1 || got[0].Where != "dynamic_resources" {
		t.Errorf("%v", got)
	}
}

// Envoy takes both spellings of a field.
func TestCamelCaseCounts(t *testing.T) {
	for _, key := range []string{"dynamic_resources", "ads_config", "api_type", "transport_api_version", "grpc_services", "envoy_grpc", "cluster_name", "cds_config", "resource_api_version",
		"static_resources", "load_assignment", "lb_endpoints", "socket_address", "typed_extension_protocol_options", "http2_protocol_options", "connection_keepalive", "common_lb_config", "healthy_panic_threshold", "eds_cluster_config", "eds_config"} {
		if got := check(t, strings.ReplaceAll(good, key+":", camel(key)+":")); len(got) != 0 {
			t.Errorf("%s: %v", key, got)
		}
	}
}

// A broken bootstrap has findings, and never a crash.
func TestAnyTreeIsChecked(t *testing.T) {
	for _, text := range []string{"{}", "node: 1", "static_resources: [1]", "static_resources: {clusters: 1}", "static_resources: {clusters: [1, {eds_cluster_config: 1}]}", "dynamic_resources: {ads_config: {grpc_services: {a: 1}}}"} {
		if len(check(t, text)) == 0 {
			t.Errorf("%s: nothing is found", text)
		}
	}
}
