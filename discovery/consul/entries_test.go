package consul

import (
	"log/slog"
	"net/http"
	"reflect"
	"testing"
	"time"

	"legate/discovery/catalog"
	"legate/internal/consultest"
)

// answering is a client of a Consul that gives one answer, and the paths that it was asked for.
func answering(t *testing.T, code int, body string) (*Client, *[]string) {
	t.Helper()
	var paths []string
	c, err := New(DefaultConfig(), slog.New(slog.DiscardHandler), roundTrip(func(r *http.Request) (*http.Response, error) {
		paths = append(paths, r.URL.EscapedPath())
		return consultest.Answer(code, 5, body), nil
	}))
	must(t, err)
	return c, &paths
}

// The answers are Consul's, shortened.
func TestAConfigEntryIsReadAsConsulWritesIt(t *testing.T) {
	five, six, half, much, base := 5, 0, uint32(50), uint32(40), 30*time.Second
	for name, c := range map[string]struct {
		kind, answer string
		want         []catalog.Entry
	}{
		"proxy-defaults": {catalog.ProxyDefaults,
			`[{"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http", "x": [1]}, "ModifyIndex": 23}]`,
			[]catalog.Entry{{Key: catalog.EntryKey{Kind: "proxy-defaults", Name: "global"}, Protocol: "http", ModifyIndex: 23}}},
		"proxy-defaults with nonsense": {catalog.ProxyDefaults,
			`[{"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": 2}}]`,
			[]catalog.Entry{{Key: catalog.EntryKey{Kind: "proxy-defaults", Name: "global"}}}},
		"service-defaults": {catalog.ServiceDefaults,
			`[{"Kind": "service-defaults", "Name": "Web", "Protocol": "grpc", "MeshGateway": {}, "UpstreamConfig": {"Defaults": {"Peer": "",
				"ConnectTimeoutMs": 1234, "Limits": {"MaxConnections": 5, "MaxPendingRequests": 0}, "PassiveHealthCheck": {"Interval": 10000000000,
				"MaxFailures": 3, "EnforcingConsecutive5xx": 50, "MaxEjectionPercent": 40, "BaseEjectionTime": 30000000000}}}},
			  {"Kind": "service-defaults", "Name": "db", "Protocol": "tcp"}]`,
			[]catalog.Entry{
				{Key: catalog.EntryKey{Kind: "service-defaults", Name: "db"}, Protocol: "tcp"},
				{Key: catalog.EntryKey{Kind: "service-defaults", Name: "web"}, Protocol: "grpc", ConnectTimeout: 1234 * time.Millisecond,
					Limits: catalog.Limits{MaxConnections: &five, MaxPendingRequests: &six},
					PassiveHealthCheck: &catalog.PassiveHealthCheck{Interval: 10 * time.Second, MaxFailures: 3,
						EnforcingConsecutive5xx: &half, MaxEjectionPercent: &much, BaseEjectionTime: &base}},
			}},
		"service-resolver": {catalog.ServiceResolver,
			`[{"ConnectTimeout": "3s", "RequestTimeout": "7s", "Kind": "service-resolver", "Name": "web", "LoadBalancer": {"Policy": "ring_hash",
				"RingHashConfig": {"MinimumRingSize": 10, "MaximumRingSize": 100}, "LeastRequestConfig": {"ChoiceCount": 3}}}]`,
			[]catalog.Entry{{Key: catalog.EntryKey{Kind: "service-resolver", Name: "web"}, ConnectTimeout: 3 * time.Second,
				LoadBalancer: &catalog.LoadBalancer{Policy: "ring_hash", MinimumRingSize: 10, MaximumRingSize: 100, ChoiceCount: 3},
				Resolver:     catalog.Resolver{RequestTimeout: 7 * time.Second}}}},
		"a resolver of subsets": {catalog.ServiceResolver,
			`[{"RequestTimeout": "7s", "Kind": "service-resolver", "Name": "web", "DefaultSubset": "v1", "Subsets": {"v1": {"Filter": "Service.Meta.version == v1",
				"OnlyPassing": true}, "v2": {}}, "Failover": {"*": {"Datacenters": ["dc2", "dc3"]}, "v1": {"ServiceSubset": "v2"},
				"v2": {"Targets": [{"Service": "api", "Partition": "x"}, {"Peer": "cluster01"}, {"Datacenter": "dc2", "ServiceSubset": "v2", "Namespace": "y"}],
					"Policy": {"Mode": "order-by-locality", "Regions": ["eu"]}}, "v3": {"Service": "api", "SamenessGroup": "g", "Namespace": "z"}},
				"LoadBalancer": {"Policy": "maglev", "HashPolicies": [{"Field": "header", "FieldValue": "x"}]}, "PrioritizeByLocality": {"Mode": "failover"}}]`,
			[]catalog.Entry{{Key: catalog.EntryKey{Kind: "service-resolver", Name: "web"}, LoadBalancer: &catalog.LoadBalancer{Policy: "maglev"},
				Resolver: catalog.Resolver{DefaultSubset: "v1", RequestTimeout: 7 * time.Second, HashPolicies: 1, PrioritizeByLocality: "failover",
					Subsets: map[string]catalog.Subset{"v1": {Filter: "Service.Meta.version == v1", OnlyPassing: true}, "v2": {}},
					Failover: map[string]catalog.Failover{
						"*":  {Targets: []catalog.Target{{Datacenter: "dc2"}, {Datacenter: "dc3"}}},
						"v1": {Targets: []catalog.Target{{Subset: "v2"}}},
						"v2": {Mode: "order-by-locality", Targets: []catalog.Target{{Service: "api", Partition: "x"}, {Peer: "cluster01"}, {Datacenter: "dc2", Subset: "v2", Namespace: "y"}}},
						"v3": {Targets: []catalog.Target{{Service: "api", SamenessGroup: "g", Namespace: "z"}}},
					}}}}},
		"a resolver that redirects": {catalog.ServiceResolver,
			`[{"Kind": "service-resolver", "Name": "web", "Redirect": {"Service": "api", "ServiceSubset": "v2", "Datacenter": "dc2", "Peer": "p", "Namespace": "n", "Partition": "q", "SamenessGroup": "s"}}]`,
			[]catalog.Entry{{Key: catalog.EntryKey{Kind: "service-resolver", Name: "web"}, Resolver: catalog.Resolver{Redirect: &catalog.Target{
				Service: "api", Subset: "v2", Datacenter: "dc2", Peer: "p", Namespace: "n", Partition: "q", SamenessGroup: "s"}}}}},
		"a resolver that says nothing": {catalog.ServiceResolver, `[{"ConnectTimeout": "", "Kind": "service-resolver", "Name": "web"}]`,
			[]catalog.Entry{{Key: catalog.EntryKey{Kind: "service-resolver", Name: "web"}}}},
		"none": {catalog.ServiceDefaults, `[]`, []catalog.Entry{}},
	} {
		consul, paths := answering(t, 200, c.answer)
		got, r, err := consul.Entries(t.Context(), c.kind, Question{})
		if err != nil || !reflect.DeepEqual(got, c.want) || r.Index != 5 || (*paths)[0] != "/v1/config/"+c.kind {
			t.Errorf("%s: %s gave %+v %v\nwant %+v", name, *paths, got, err, c.want)
		}
	}
}

func TestAnAnswerAboutAnotherKindIsNone(t *testing.T) {
	for answer, want := range map[string]Failure{
		`null`: Garbage, `{}`: Garbage,
		`[{"Kind": "service-defaults", "Name": "web"}]`:                             Foreign,
		`[{"Kind": "service-resolver", "Name": "web", "ConnectTimeout": "soon"}]`:   Garbage,
		`[{"Kind": "service-resolver", "Name": "web", "ConnectTimeout": {"s": 1}}]`: Garbage,
	} {
		consul, _ := answering(t, 200, answer)
		if got, _, err := consul.Entries(t.Context(), catalog.ServiceResolver, Question{}); FailureOf(err) != want || got != nil {
			t.Errorf("%s gave %+v, %s: %v", answer, got, FailureOf(err), err)
		}
	}
}

// The texts are Consul's. Who may not read an entry is not told whether it is there.
func TestAnEntryIsThereOrMissingOrHidden(t *testing.T) {
	key := catalog.EntryKey{Kind: catalog.ServiceDefaults, Name: "a/.. b"}
	for _, c := range []struct {
		code  int
		body  string
		found Found
		fails bool
	}{
		{200, `{"Kind": "service-defaults", "Name": "A/.. B", "Protocol": "grpc"}`, There, false},
		{404, `Config entry not found for "service-defaults" / "a/.. b"`, Missing, false},
		{403, `Permission denied: token with AccessorID 'x' lacks permission 'service:read' on "a/.. b"`, Hidden, false},
		{403, `ACL not found`, There, true},
		{404, `404 page not found`, There, true},
		{403, `Forbidden`, There, true},
		{500, `No cluster leader`, There, true},
		{200, `{"Kind": "service-defaults", "Name": "other"}`, There, true},
		{200, `{"Kind": "service-resolver", "Name": "a/.. b"}`, There, true},
	} {
		consul, paths := answering(t, c.code, c.body)
		got, found, err := consul.Entry(t.Context(), key, Question{Consistent: true})
		if found != c.found || (err != nil) != c.fails || (found == There && !c.fails) != (got.Protocol == "grpc") {
			t.Errorf("%d %s: %v %+v %v", c.code, c.body, found, got, err)
		}
		if path := "/v1/config/service-defaults/a%2F%2E%2E%20b"; (*paths)[0] != path {
			t.Errorf("asked for %s, want %s", (*paths)[0], path)
		}
	}
}
