package cli

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

const brokenBootstrap = `node: {id: edge-1, cluster: edge}
dynamic_resources:
  ads_config: {api_type: DELTA_GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: legate}}]}
static_resources:
  clusters:
  - name: legate
    type: STATIC
    load_assignment: {cluster_name: legate, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 18000}}}}]}]}
  - name: wbe
    type: EDS
    eds_cluster_config: {eds_config: {resource_api_version: V3, ads: {}}}
`

func TestCheckEnvoyPrintsWhatTheDocumentationShows(t *testing.T) {
	bootstrap, now := file(t, "envoy.yaml", brokenBootstrap), file(t, "now.json", catalogBefore)
	got := legate(t, nil, "check", "envoy", "--catalog", now, bootstrap)
	if want := documented(t, "check.md", "legate check envoy --catalog now.json envoy.yaml"); got != (result{1, want, ""}) {
		t.Errorf("exit %d:\n%s%s\nwant\n%s", got.code, got.out, got.err, want)
	}
	for line := range strings.Lines(legate(t, nil, "check", "envoy", "--json", bootstrap).out) {
		var f struct{ Severity, Where, Detail, Remedy string }
		if err := json.Unmarshal([]byte(line), &f); err != nil || f.Severity == "" || f.Where == "" || f.Detail == "" || f.Remedy == "" {
			t.Errorf("%v: %s", err, line)
		}
	}
}

func TestCheckEnvoyFindsNothingInOurOwnBootstraps(t *testing.T) {
	for _, args := range []string{"", "--mode rest --route 80=web", "--xds-address unix:///run/x", "--xds-address legate.internal:1 --ca-file x --cert-file y --key-file z"} {
		text := legate(t, nil, append([]string{"bootstrap", "envoy"}, strings.Fields(args)...)...)
		if got := legate(t, nil, "check", "envoy", file(t, "envoy.yaml", text.out)); got != (result{out: "ok\n"}) {
			t.Errorf("%s: %+v", args, got)
		}
	}
}

func TestCheckEnvoyOfWhatCannotBeReadSaysSo(t *testing.T) {
	for _, c := range []struct {
		args, want string
		code       int
	}{
		{"", "say which Envoy", exitUsage},
		{"--envoy-admin 127.0.0.1:1 check.go", "say which Envoy", exitUsage},
		{"/no/such", `read "/no/such": no such file`, exitFailed},
		{"check.go", "give an Envoy bootstrap", exitFailed},
		{"--envoy-admin " + closedPort(t), "is its admin page there? See --envoy-admin", exitFailed},
	} {
		if got := legate(t, nil, append([]string{"check", "envoy"}, strings.Fields(c.args)...)...); got.code != c.code || !strings.Contains(got.err, c.want) {
			t.Errorf("%q: %+v", c.args, got)
		}
	}
}

// What is an error here is one for a real Envoy, too: it does not start, or gets no clusters.
func TestCheckEnvoyAgreesWithARealEnvoy(t *testing.T) {
	path := partstest.EnvoyPath(t)
	good := legate(t, nil, "bootstrap", "envoy", "--xds-address", closedPort(t), "--envoy-admin", "127.0.0.1:1").out
	for _, c := range []struct{ old, changed string }{
		{"", ""},
		{"  id: ", "  user_agent_name: "},
		{"transport_api_version: V3", "transport_api_version: V2"},
		{"api_type: DELTA_GRPC", "api_type: NONE"},
		{"- name: \"_legate\"", "- name: other"},
		{"  ads_config:", "  no_such:"},
	} {
		text := strings.Replace(good, c.old, c.changed, 1)
		bootstrap := file(t, "envoy.yaml", text)
		out, err := exec.CommandContext(t.Context(), path, "--mode", "validate", "-c", bootstrap, "--disable-hot-restart").CombinedOutput()
		if got := legate(t, nil, "check", "envoy", bootstrap); (got.code != 0) != (err != nil) {
			t.Errorf("%q → %q: exit %d\n%sEnvoy says: %v\n%s", c.old, c.changed, got.code, got.out, err, out)
		}
	}
}

func TestCheckEnvoyAsksARunningEnvoy(t *testing.T) {
	e := partstest.Envoy(t, parts.EnvoyOptions{Bootstrap: []byte(strings.Replace(brokenBootstrap, "type: STATIC", "type: STATIC\n    http2_protocol_options: {}", 1)), Early: true})
	got := legate(t, nil, "check", "envoy", "--envoy-admin", e.AdminAddr)
	if got.code != 0 || !strings.Contains(got.out, "warning: cluster legate: has no keepalive") || !strings.Contains(got.out, "(wbe): has Envoy's panic threshold") || strings.Contains(got.out, "error") {
		t.Errorf("%+v", got)
	}
}

func TestCheckConsulReadsAllThatServeWould(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{ACL: true})
	for i := range 3 {
		if err := consul.Register(t.Context(), parts.Instance{Service: fmt.Sprint("web-", i), Address: "10.0.0.1", Port: 80}); err != nil {
			t.Fatal(err)
		}
	}
	token := func(rules string) string {
		t.Helper()
		acl := consul.Client().ACL()
		policy, _, err := acl.PolicyCreate(&api.ACLPolicy{Name: strings.ReplaceAll(t.Name(), "/", "-") + fmt.Sprint(len(rules)), Rules: rules}, nil)
		if err != nil {
			t.Fatal(err)
		}
		made, _, err := acl.TokenCreate(&api.ACLToken{Policies: []*api.ACLLink{{ID: policy.ID}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return made.SecretID
	}
	const all = `service_prefix "" { policy = "read" } node_prefix "" { policy = "read" } agent_prefix "" { policy = "read" }`
	for _, c := range []struct {
		name, token string
		args        []string
		code        int
		want        string
	}{
		{"all rights", token(all), nil, 0, ": 3 services, 3 instances\nok\n"},
		{"no token", "", nil, 1, "agent:read"},
		{"no such token", "no-such-token", nil, 1, "Consul does not know this token"},
		{"services without nodes", token(`service_prefix "" { policy = "read" } agent_prefix "" { policy = "read" }`), nil, 1, "give the token service:read and node:read"},
		{"nothing is selected", token(all + " "), []string{"--include", "nosuch"}, 0, "warning: services: Consul has none that is selected"},
		{"more services than connections", token(all + "  "), []string{"--max-connections", "12"}, 0, "warning: --max-connections: 3 services"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := legate(t, map[string]string{"CONSUL_HTTP_TOKEN": c.token}, append([]string{"check", "consul", "--consul-addr", consul.Addr}, c.args...)...)
			if got.code != c.code || !strings.Contains(got.out+got.err, c.want) {
				t.Errorf("%+v", got)
			}
		})
	}
}
