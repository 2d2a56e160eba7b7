package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/discovery/consul"
	"legate/internal/envoycheck"
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

// Where ACLs are off, everybody may register.
func TestCheckConsulFindsNothingInTheWayOfARegistrationWithoutACLs(t *testing.T) {
	agent := partstest.Consul(t, parts.ConsulOptions{})
	got := legate(t, nil, "check", "consul", "--register", "--consul-addr", agent.Addr)
	if got.code != 0 || !strings.Contains(got.out, "\ninfo: versions: ") || strings.Contains(got.out, "--register") {
		t.Errorf("%+v", got)
	}
}

func TestCheckConsulReadsAllThatServeWould(t *testing.T) {
	agent := partstest.Consul(t, parts.ConsulOptions{ACL: true})
	for i := range 3 {
		if err := agent.Register(t.Context(), parts.Instance{Service: fmt.Sprint("web-", i), Address: "10.0.0.1", Port: 80}); err != nil {
			t.Fatal(err)
		}
	}
	made := 0
	token := func(rules string) string {
		t.Helper()
		made++
		acl := agent.Client().ACL()
		policy, _, err := acl.PolicyCreate(&api.ACLPolicy{Name: strings.ReplaceAll(t.Name(), "/", "-") + fmt.Sprint(made), Rules: rules}, nil)
		if err != nil {
			t.Fatal(err)
		}
		created, _, err := acl.TokenCreate(&api.ACLToken{Policies: []*api.ACLLink{{ID: policy.ID}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return created.SecretID
	}
	const all = `service_prefix "" { policy = "read" } node_prefix "" { policy = "read" } agent_prefix "" { policy = "read" }`
	for _, c := range []struct {
		name, token string
		args        []string
		code        int
		want        []string
	}{
		{"all rights", token(all), nil, 0, []string{
			": 3 services, 3 instances\n", "\ninfo: versions: legate ", ", consul " + parts.ConsulVersion + "\n", "\ninfo: clock: agrees with Consul's to the second\n",
			"\ninfo: connections: ", " connections (one for each query, over HTTP/1.1), at most 100 (--max-connections); the agent allows an address 200, all its clients together (limits.http_max_conns_per_client)\nok\n",
		}},
		{"no token", "", nil, 1, []string{
			`error: token: lacks `, `add to its policy: service_prefix "" { policy = "read" }`, `add to its policy: node_prefix "" { policy = "read" }`, `add to its policy: agent_prefix "" { policy = "read" }`,
		}},
		{"no such token", "no-such-token", nil, 1, []string{"error: token: Consul does not know this token"}},
		{"services without nodes", token(`service_prefix "" { policy = "read" } agent_prefix "" { policy = "read" }`), nil, 1, []string{
			`error: token: lacks a right to see the instances that run on nodes, and the checks of nodes: a part is hidden: add to its policy: node_prefix "" { policy = "read" }, or say`,
		}},
		{"the agent says nothing, and need not", token(`service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }`), []string{"--datacenter", "dc1"}, 0, []string{
			"info: token: lacks the right to learn the name of the datacenter", ", consul " + parts.ConsulVersion + "\n", "an agent allows an address 200 unless it is told otherwise", "\nok\n",
		}},
		{"the agent says nothing", token(`service_prefix "" { policy = "read" } node_prefix "" { policy = "read" } `), nil, 1, []string{`error: token: lacks the right to learn the name of the datacenter (--datacenter does, too): add to its policy: agent_prefix`}},
		{"nothing is selected", token(all + " "), []string{"--include", "nosuch"}, 0, []string{"warning: services: Consul has none that is selected"}},
		{"more services than connections", token(all + "  "), []string{"--max-connections", "12"}, 0, []string{"warning: --max-connections: 3 services"}},
		{"for a program", token(all + "   "), []string{"--json"}, 0, []string{`{"severity":"info","where":"clock","detail":"agrees with Consul's to the second"}`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := legate(t, map[string]string{"CONSUL_HTTP_TOKEN": c.token}, append([]string{"check", "consul", "--consul-addr", agent.Addr}, c.args...)...)
			for _, want := range c.want {
				if got.code != c.code || !strings.Contains(got.out, want) {
					t.Errorf("exit %d, want %d with %q:\n%s%s", got.code, c.code, want, got.out, got.err)
				}
			}
		})
	}
	t.Run("as docs/check.md shows it", func(t *testing.T) {
		text, err := os.ReadFile("../../docs/check.md")
		if err != nil {
			t.Fatal(err)
		}
		_, shown, _ := strings.Cut(string(text), "$ legate check consul\n")
		shown, _, _ = strings.Cut(shown, "```")
		got := legate(t, map[string]string{"CONSUL_HTTP_TOKEN": token(all)}, "check", "consul", "--consul-addr", agent.Addr)
		plain := regexp.MustCompile(`127\.0\.0\.1:\d+|legate [^,]+,`)
		if is, said := plain.ReplaceAllString(got.out, "X"), plain.ReplaceAllString(shown, "X"); is != said {
			t.Errorf("it prints\n%s\nand docs/check.md shows\n%s", is, said)
		}
	})
	t.Run("names that Consul has", func(t *testing.T) {
		bootstrap := file(t, "envoy.yaml", brokenBootstrap)
		got := legate(t, map[string]string{"CONSUL_HTTP_TOKEN": token(all + "    ")}, "check", "envoy", "--consul", "--consul-addr", agent.Addr, bootstrap)
		if !strings.Contains(got.out, `"wbe", which is not served`) {
			t.Errorf("%+v", got)
		}
	})
}

func TestCheckConsulJudgesVersionsClocksAndConnections(t *testing.T) {
	if !strings.HasPrefix(parts.ConsulVersion, testedConsul+".") {
		t.Errorf("tested with %s", parts.ConsulVersion)
	}
	severity := func(f envoycheck.Finding) string { return string(f.Severity) + " " + f.Detail }
	for _, c := range []struct{ got, want string }{
		{severity(versionFinding(nil)), "info legate"},
		{severity(versionFinding([]string{"1.21.3+ent", parts.ConsulVersion})), "warning legate"},
		{severity(clockFinding(0)), "info agrees"},
		{severity(clockFinding(1500 * time.Millisecond)), "info is 1.5s ahead of Consul's"},
		{severity(clockFinding(-3 * time.Minute)), "warning is 3m0s behind Consul's: certificates"},
	} {
		if !strings.HasPrefix(c.got, c.want) {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
	for _, c := range []struct {
		services, most, room, limit int
		want, remedy                string
	}{
		{10, 100, 1, 200, "info", ""},
		{1000, 100, 1, 200, "info", ""},
		{1000, 150, 1, 200, "warning", "raise limits.http_max_conns_per_client in Consul to 300"},
		{1000, 150, 1, 100, "error", "or set --max-connections to 50"},
		{1000, 150, 1, 0, "warning", "use HTTPS"},
		{10_000, 150, 250, 200, "info", ""},
	} {
		o := newRenderOptions()
		o.consul.Consul.MaxConnections = c.most
		if f := o.connectionFinding(c.services, consul.Inspection{Limit: c.limit, Room: c.room}); string(f.Severity) != c.want || !strings.Contains(f.Remedy, c.remedy) || (c.remedy == "") != (f.Remedy == "") {
			t.Errorf("%+v: %+v", c, f)
		}
	}
}
