package compare

import (
	"slices"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3" // the tests' clusters have it
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"legate/translate"
)

// service returns one whose parts are given as JSON; an empty text is no part.
func service(t testing.TB, cluster, assignment string) (s Service) {
	t.Helper()
	if cluster != "" {
		s.Cluster = &clusterv3.Cluster{Name: "web"}
		parse(t, cluster, s.Cluster)
	}
	if assignment != "" {
		s.Assignment = &endpointv3.ClusterLoadAssignment{ClusterName: "web"}
		parse(t, assignment, s.Assignment)
	}
	return s
}

func parse(t testing.TB, text string, into proto.Message) {
	t.Helper()
	if err := protojson.Unmarshal([]byte(text), into); err != nil {
		t.Fatal(err, text)
	}
}

// at is an endpoint as JSON.
func at(host, more string) string {
	return `{"endpoint": {"address": {"socket_address": {"address": "` + host + `", "port_value": 80}}}` + more + `}`
}

// in is a locality with endpoints as JSON.
func in(region, zone, more string, endpoints ...string) string {
	return `{"locality": {"region": "` + region + `", "zone": "` + zone + `"}` + more + `, "lb_endpoints": [` + strings.Join(endpoints, ",") + `]}`
}

func groups(all ...string) string { return `{"endpoints": [` + strings.Join(all, ",") + `]}` }

const (
	eds    = `{"type": "EDS", "connect_timeout": "1s"}`
	slower = `{"type": "EDS", "connect_timeout": "2s"}`
	grpc   = `{"type": "EDS", "connect_timeout": "1s", "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {"@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions", "explicit_http_config": {"http2_protocol_options": {}}}}}`
)

func TestEachDifferenceIsALine(t *testing.T) {
	one := groups(in("eu", "b", "", at("10.0.0.7", `, "load_balancing_weight": 3`)))
	for _, c := range []struct {
		name           string
		cluster, after string
		from, to       string
		want           []string
	}{
		{"nothing", eds, eds, one, one, nil},
		{"a service comes", "", eds, "", one, []string{"web  + cluster (EDS, connect_timeout 1s)", "web  + 10.0.0.7:80 (region eu, zone b, weight 3)"}},
		{"it goes", eds, "", one, "", []string{"web  - 10.0.0.7:80 (region eu, zone b, weight 3)", "web  - cluster"}},
		{"its last instance goes", eds, eds, one, `{}`, []string{"web  - 10.0.0.7:80 (region eu, zone b, weight 3)"}},
		{"the policy changes", eds, slower, one, one, []string{"web  ~ cluster: connect_timeout 1s -> 2s"}},
		{"a part of the policy comes", eds, `{"type": "EDS", "connect_timeout": "1s", "outlier_detection": {"consecutive_5xx": 5}}`, one, one, []string{`web  ~ cluster: outlier_detection unset -> {"consecutive_5xx":5}`}},
		{"and goes", `{"type": "EDS", "outlier_detection": {"interval": "1s"}, "connect_timeout": "1s"}`, eds, one, one, []string{`web  ~ cluster: outlier_detection {"interval":"1s"} -> unset`}},
		{"two at once", eds, `{"type": "EDS", "connect_timeout": "2s", "lb_policy": "RANDOM"}`, one, one, []string{"web  ~ cluster: connect_timeout 1s -> 2s, lb_policy unset -> RANDOM"}},
		{"within a list", `{"circuit_breakers": {"thresholds": [{"max_connections": 1}]}}`, `{"circuit_breakers": {"thresholds": [{"max_connections": 2}]}}`, "", "", []string{"web  ~ cluster: circuit_breakers.thresholds[0].max_connections 1 -> 2"}},
		{"health", eds, eds, groups(in("eu", "", "", at("10.0.0.8", ""))), groups(in("eu", "", "", at("10.0.0.8", `, "health_status": "UNHEALTHY"`))), []string{"web  ~ 10.0.0.8:80 unknown -> unhealthy"}},
		{"one that is ill comes", eds, eds, `{}`, groups(in("eu", "", "", at("10.0.0.8", `, "health_status": "DRAINING"`))), []string{"web  + 10.0.0.8:80 (draining, region eu, weight 1)"}},
		{"weight, place and priority", eds, eds, one, groups(in("eu", "a", `, "priority": 1`, at("10.0.0.7", ""))), []string{"web  ~ 10.0.0.7:80 zone b -> a, weight 3 -> 1, priority 0 -> 1"}},
		{"an IPv6 address", eds, eds, `{}`, groups(in("eu", "", "", at("2001:db8::1", ""))), []string{"web  + [2001:db8::1]:80 (region eu, weight 1)"}},
		{"metadata", eds, eds, groups(in("eu", "", "", at("10.0.0.7", ""))), groups(in("eu", "", "", at("10.0.0.7", `, "metadata": {"filter_metadata": {"envoy.lb": {"v": "2"}}}`))), []string{`web  ~ 10.0.0.7:80 metadata unset -> {"filter_metadata":{"envoy.lb":{"v":"2"}}}`}},
		{"the order of endpoints", eds, eds, groups(in("eu", "", "", at("10.0.0.7", ""), at("10.0.0.8", ""))), groups(in("eu", "", "", at("10.0.0.8", ""), at("10.0.0.7", ""))), nil},
		{"a locality's weight that follows", eds, eds, groups(in("eu", "", `, "load_balancing_weight": 1`, at("10.0.0.7", ""))), groups(in("eu", "", `, "load_balancing_weight": 2`, at("10.0.0.7", `, "load_balancing_weight": 2`))), []string{"web  ~ 10.0.0.7:80 weight 1 -> 2"}},
		{"one that follows from who takes traffic", eds, eds, groups(in("eu", "", `, "load_balancing_weight": 2`, at("10.0.0.7", ""), at("10.0.0.8", ""))), groups(in("eu", "", `, "load_balancing_weight": 1`, at("10.0.0.7", `, "health_status": "UNHEALTHY"`), at("10.0.0.8", ""))), []string{"web  ~ 10.0.0.7:80 unknown -> unhealthy"}},
		{"one that does not", eds, eds, groups(in("eu", "", `, "load_balancing_weight": 1`, at("10.0.0.7", ""))), groups(in("eu", "", `, "load_balancing_weight": 9`, at("10.0.0.7", ""))), []string{`web  ~ assignment: endpoints unset -> [{"load_balancing_weight":9,"locality":{"region":"eu"}}]`}},
		{"overprovisioning", eds, eds, one, strings.Replace(one, "{", `{"policy": {"overprovisioning_factor": 300}, `, 1), []string{`web  ~ assignment: policy unset -> {"overprovisioning_factor":300}`}},
		{"what no attribute tells", eds, eds, groups(in("eu", "", "", at("10.0.0.7", ""))), groups(in("eu", "", "", `{"endpoint": {"address": {"socket_address": {"address": "10.0.0.7", "port_value": 80}}, "health_check_config": {"port_value": 9}}}`)), []string{`web  ~ 10.0.0.7:80 endpoint unset -> {"health_check_config":{"port_value":9}}`}},
		{"an address twice", eds, eds, groups(in("eu", "", "", at("10.0.0.7", ""), at("10.0.0.7", ""))), groups(in("eu", "", "", at("10.0.0.7", ""))), []string{"web  - 10.0.0.7:80 (region eu, weight 1)"}},
		{"a cluster with its own endpoints", `{"type": "STATIC"}`, `{"type": "STATIC", "load_assignment": ` + one + `}`, "", "", []string{"web  + 10.0.0.7:80 (region eu, zone b, weight 3)"}},
		{"a socket", eds, eds, `{}`, groups(`{"lb_endpoints": [{"endpoint": {"address": {"pipe": {"path": "/run/x\u001b"}}}}]}`), []string{`web  + /run/x\x1b (weight 1)`}},
	} {
		var got []string
		for _, change := range Changes("web", service(t, c.cluster, c.from), service(t, c.after, c.to)) {
			got = append(got, change.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

func TestWordsOfAClusterNameAllThatIsSet(t *testing.T) {
	for text, want := range map[string]string{
		eds: "EDS, connect_timeout 1s",
		`{"type": "EDS", "lb_policy": "RING_HASH", "ring_hash_lb_config": {"minimum_ring_size": 8}, "common_lb_config": {"healthy_panic_threshold": {}}}`:   "EDS, panic threshold 0%, lb_policy RING_HASH, ring_hash_lb_config",
		`{"type": "EDS", "common_lb_config": {"healthy_panic_threshold": {"value": 50}, "ignore_new_hosts_until_first_hc": true}, "outlier_detection": {}}`: "EDS, common_lb_config, outlier_detection",
		grpc: "EDS, HTTP/2, connect_timeout 1s",
		`{"cluster_type": {"name": "envoy.cluster.dns"}, "transport_socket": {"name": "envoy.transport_sockets.tls"}}`: "DNS, tls",
	} {
		if got := service(t, text, "").Words(); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	if got := (Service{}).Words(); got != "" {
		t.Errorf("none: %q", got)
	}
}

// Two resources with other bytes are never called equal, even if nothing here knows what is in them.
func TestContentThatIsNotKnownIsCompared(t *testing.T) {
	with := func(value string) Service {
		return Service{Cluster: &clusterv3.Cluster{TypedExtensionProtocolOptions: map[string]*anypb.Any{"x": {TypeUrl: "type.googleapis.com/no.such.Type", Value: []byte(value)}}}}
	}
	if n := len(Changes("web", with("a"), with("a"))); n != 0 {
		t.Errorf("%d changes of nothing", n)
	}
	if got := Changes("web", with("a"), with("b")); len(got) != 1 || !strings.HasPrefix(got[0].String(), "web  ~ cluster: content ") {
		t.Errorf("%v", got)
	}
}

func TestNamesOfServicesAreQuoted(t *testing.T) {
	for _, c := range Changes("w\u202eb", Service{}, service(t, eds, groups(in("e\x7f", "", "", at("10.0.0.7", ""))))) {
		if strings.ContainsAny(c.String(), "\u202e\x7f") || !strings.HasPrefix(c.String(), `"w\u202eb"  + `) {
			t.Errorf("%q", c)
		}
	}
}

func TestAResourceIsPutIntoAServiceAndTakenAway(t *testing.T) {
	var s Service
	cluster, err := proto.Marshal(&clusterv3.Cluster{Name: "web"})
	if err != nil {
		t.Fatal(err)
	}
	empty, err := translate.EmptyAssignment("web")
	if err != nil {
		t.Fatal(err)
	}
	c := translate.Resource{Name: translate.Name{Type: translate.ClusterType, Name: "web"}, Value: cluster}
	for _, r := range []translate.Resource{c, empty} {
		if err := s.Put(r); err != nil {
			t.Fatal(err)
		}
	}
	if s.Cluster.GetName() != "web" || s.Assignment.GetClusterName() != "web" {
		t.Errorf("%v", s)
	}
	c.Value, empty.Value = nil, nil
	for _, r := range []translate.Resource{c, empty} {
		if err := s.Put(r); err != nil {
			t.Fatal(err)
		}
	}
	if s != (Service{}) {
		t.Errorf("%v", s)
	}
	c.Value = []byte("x")
	if err := s.Put(c); err == nil {
		t.Error("no error for what is no cluster")
	}
	if err := s.Add(&anypb.Any{}); err == nil {
		t.Error("no error for a message of another kind")
	}
}
