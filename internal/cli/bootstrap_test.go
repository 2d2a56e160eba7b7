package cli

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"                     // in the listeners
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3" // in the listeners
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/network/dns_resolver/cares/v3"              // in Legate's cluster
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"                   // in Legate's cluster
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"                          // in Legate's cluster
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
	"legate/translate"
)

// bootstraps are command lines, each with a text that its output must contain.
var bootstraps = []struct {
	name string
	args []string
	want string
}{
	{"delta", nil, "api_type: DELTA_GRPC"},
	{"sotw", []string{"--mode", "sotw", "--route", "8080=web"}, "api_type: GRPC"},
	{"rest", []string{"--mode", "rest", "--route", "8080=web", "--route", "8081=web", "--route", "0.0.0.0:8082=api"}, "api_type: REST"},
	{"host name", []string{"--xds-address", "legate.internal:443"}, "type: STRICT_DNS"},
	{"two Legates", []string{"--xds-address", "10.0.0.1:18000", "--xds-address", "legate-2:18000"}, `address: "legate-2", port_value: 18000`},
	{"all that Consul's DNS names", []string{"--xds-address", "legate.service.consul:18000", "--dns-server", "127.0.0.1:8600"}, "CaresDnsResolverConfig"},
	{"two Legates, and one is away", []string{"--xds-address", "10.0.0.1:18000", "--xds-address", "10.0.0.2:18000"}, "outlier_detection:"},
	{"unix socket", []string{"--xds-address", "unix:///run/legate/xds.sock"}, `pipe: {path: "/run/legate/xds.sock"}`},
	{"TLS to two", []string{"--xds-address", "10.0.0.1:18000", "--xds-address", "legate-2:18000", "--ca-file", "ca.pem"}, `{san_type: DNS, matcher: {exact: "legate-2"}}`},
	{"IPv6", []string{"--xds-address", "[::1]:18000", "--envoy-admin", "[::1]:9901", "--route", "[::1]:8080=web"}, `address: "::1", port_value: 18000`},
	{"TLS", []string{"--xds-address", "legate.internal:443", "--ca-file", "ca.pem"}, `sni: "legate.internal"`},
	{"mTLS", []string{"--ca-file", "ca.pem", "--cert-file", "cert.pem", "--key-file", "key.pem", "--server-name", "legate"}, `private_key: {filename: "key.pem"}`},
	{"mTLS over REST to an address", []string{"--mode", "rest", "--route", "80=web", "--ca-file", "ca.pem", "--cert-file", "cert.pem", "--key-file", "key.pem"}, `san_type: IP_ADDRESS`},
	{"a zone", []string{"--region", "eu", "--zone", "eu-a"}, `locality: {region: "eu", zone: "eu-a"}`},
	{"a region", []string{"--region", "eu", "--mode", "sotw"}, `locality: {region: "eu"}`},
	{"a local cluster", []string{"--region", "eu", "--zone", "eu-a", "--local-cluster", "shop"}, `local_cluster_name: "shop"`},
	{"what a local cluster needs of the policy", []string{"--region", "eu", "--zone", "eu-a", "--local-cluster", "shop"}, "this service needs failover: none and prefer: none"},
	{"a local cluster over REST", []string{"--mode", "rest", "--route", "80=web", "--route", "81=shop", "--region", "eu", "--zone", "a", "--local-cluster", "shop"}, `local_cluster_name: "shop"`},
	{"awkward names", []string{"--node-id", "a: \"b\" #{{c}}\n", "--node-cluster", "'", "--route", "80=a/b c? %: &x"}, `cluster: "a/b c? %: \u0026x"`},
}

func TestABootstrapIsWhatEnvoysSchemaAllows(t *testing.T) {
	for _, c := range bootstraps {
		t.Run(c.name, func(t *testing.T) {
			b := parseBootstrap(t, c.args, c.want)
			if err := b.ValidateAll(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestEnvoyAcceptsEachBootstrap(t *testing.T) {
	envoy := partstest.EnvoyPath(t)
	dir := t.TempDir()
	if _, err := parts.NewCerts(dir); err != nil { // ca.pem, cert.pem, key.pem
		t.Fatal(err)
	}
	for _, c := range bootstraps {
		t.Run(c.name, func(t *testing.T) {
			r := legate(t, nil, append([]string{"bootstrap", "envoy"}, c.args...)...)
			path := file(t, "envoy.yaml", r.out)
			cmd := exec.Command(envoy, "--mode", "validate", "--base-id", "0", "--disable-hot-restart", "-l", "warn", "-c", path)
			cmd.Dir = dir
			said, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s\n%s", err, said, r.out)
			}
			for line := range strings.Lines(string(said)) {
				if strings.Contains(strings.ToLower(line), "deprecated") {
					t.Errorf("Envoy says: %s", line)
				}
			}
		})
	}
}

func TestTheNamesOfABootstrapAreThoseThatWereAskedFor(t *testing.T) {
	b := parseBootstrap(t, []string{"--node-id", "a: \"b\" #{{c}}\n", "--node-cluster", "edge", "--xds-address", "[::1]:18000", "--route", "8080=web"}, "")
	if got := b.GetNode().GetId(); got != "a: \"b\" #{{c}}\n" {
		t.Errorf("node id %q", got)
	}
	if got := b.GetNode().GetCluster(); got != "edge" {
		t.Errorf("node cluster %q", got)
	}
	clusters := b.GetStaticResources().GetClusters()
	if len(clusters) != 1 || clusters[0].GetName() != b.GetDynamicResources().GetAdsConfig().GetGrpcServices()[0].GetEnvoyGrpc().GetClusterName() {
		t.Errorf("ADS leads to no cluster: %v", clusters)
	}
	at := clusters[0].GetLoadAssignment().GetEndpoints()[0].GetLbEndpoints()[0].GetEndpoint().GetAddress().GetSocketAddress()
	if at.GetAddress() != "::1" || at.GetPortValue() != 18000 {
		t.Errorf("Legate is looked for at %v", at)
	}
	listeners := b.GetStaticResources().GetListeners()
	if len(listeners) != 1 || listeners[0].GetAddress().GetSocketAddress().GetAddress() != "127.0.0.1" || listeners[0].GetAddress().GetSocketAddress().GetPortValue() != 8080 {
		t.Errorf("the route listens at %v", listeners)
	}
}

func TestABootstrapWithoutANodeIsRefused(t *testing.T) {
	if r := legate(t, nil, "bootstrap", "envoy", "--node-cluster="); r.code != exitUsage || !strings.Contains(r.err, "must not be empty") {
		t.Errorf("%+v", r)
	}
}

func TestADNSServerIsAnAddressAndForNames(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--xds-address legate.internal:1 --dns-server dns:53", "give its IP address"},
		{"--xds-address 10.0.0.1:1 --dns-server 127.0.0.1:8600", "no --xds-address is a name"},
		{"--xds-address legate.internal:1 --dns-server 127.0.0.1", "want HOST:PORT"},
	} {
		if r := legate(t, nil, append([]string{"bootstrap", "envoy"}, strings.Fields(c.args)...)...); r.code != exitUsage || !strings.Contains(r.err, c.want) {
			t.Errorf("%s: %+v", c.args, r)
		}
	}
}

// TestALocalClusterIsStaticAndGetsItsEndpointsFromLegate: Envoy takes it from nowhere else, and with Envoy's zone it
// compares the zones of those.
func TestALocalClusterIsStaticAndGetsItsEndpointsFromLegate(t *testing.T) {
	b := parseBootstrap(t, []string{"--region", "eu", "--zone", "a", "--local-cluster", "shop"}, "")
	clusters := b.GetStaticResources().GetClusters()
	if len(clusters) != 2 || clusters[1].GetName() != "shop" || clusters[1].GetEdsClusterConfig().GetEdsConfig().GetAds() == nil || b.GetClusterManager().GetLocalClusterName() != "shop" {
		t.Errorf("%v, %v", clusters, b.GetClusterManager())
	}
	if l := b.GetNode().GetLocality(); l.GetRegion() != "eu" || l.GetZone() != "a" {
		t.Errorf("it stands in %v", l)
	}
	for _, c := range []struct{ args, want string }{
		{"--zone a", "--region"}, {"--local-cluster shop --region eu", "--zone"}, {"--region eu --zone a --local-cluster " + translate.OwnCluster, "name a service"},
	} {
		if r := legate(t, nil, append([]string{"bootstrap", "envoy"}, strings.Fields(c.args)...)...); r.code != exitUsage || !strings.Contains(r.err, c.want) {
			t.Errorf("%s: %+v", c.args, r)
		}
	}
}

// parseBootstrap makes a bootstrap and parses it strictly, as Envoy would.
func parseBootstrap(t *testing.T, args []string, want string) *bootstrapv3.Bootstrap {
	t.Helper()
	r := legate(t, nil, append([]string{"bootstrap", "envoy"}, args...)...)
	if r.code != 0 || r.err != "" || !strings.Contains(r.out, want) {
		t.Fatalf("exit %d: %s\nwant %q in\n%s", r.code, r.err, want, r.out)
	}
	var value any
	if err := yaml.Unmarshal([]byte(r.out), &value); err != nil {
		t.Fatalf("%v\n%s", err, r.out)
	}
	content, err := json.Marshal(value)
	if err != nil {
		t.Fatalf("%v\n%s", err, r.out)
	}
	b := &bootstrapv3.Bootstrap{}
	if err := protojson.Unmarshal(content, b); err != nil {
		t.Fatalf("%v\n%s", err, r.out)
	}
	return b
}
