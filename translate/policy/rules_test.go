package policy

import (
	"strings"
	"testing"
	"time"

	"legate/discovery/catalog"
)

// TestEachRuleHasItsBound: what a policy says, and the first mistake in it; none where the text is empty. Neighbours
// on both sides of each bound are there.
func TestEachRuleHasItsBound(t *testing.T) {
	for _, c := range []struct{ says, want string }{
		{"protocol: auto", "there is no TLS"},
		{"protocol: auto\ntls: {sni: web}", ""},
		{"http2: {keepalive_interval: 1s}", "a ping needs a time limit"},
		{"http2: {keepalive_idle_interval: 1s}", "a ping needs a time limit"},
		{"http2: {keepalive_interval: 1s, keepalive_timeout: 1s}", ""},
		{"tcp_keepalive: {time: 1500ms}", "whole seconds"},
		{"tcp_keepalive: {interval: 1500ms}", "whole seconds"},
		{"tcp_keepalive: {time: 2s, interval: 3s}", ""},
		{"source_address: localhost", "is not an IP address"},
		{"source_address: fe80::1%lo", "is not an IP address"},
		{"source_address: '::1'", ""},
		{"slow_start: {window: 1s}\nlb_policy: random", "no slow start with random"},
		{"slow_start: {window: 0s}\nlb_policy: random", ""},
		{"slow_start: {window: 1s}\nlb_policy: least_request", ""},
		{"ring_hash: {minimum_ring_size: 5, maximum_ring_size: 4}", "the minimum is above the maximum"},
		{"ring_hash: {minimum_ring_size: 5, maximum_ring_size: 5}", ""},
		{"ring_hash: {minimum_ring_size: 8388608}", ""},
		{"ring_hash: {maximum_ring_size: 1023}", "the minimum is above the maximum"},
		{"ring_hash: {maximum_ring_size: 1024}", ""},
		{"outlier_detection: {max_ejection_time: 29999ms}", "is less than the base 30s"},
		{"outlier_detection: {max_ejection_time: 30s}", ""},
		{"outlier_detection: {max_ejection_time: 3s, base_ejection_time: 4s}", "is less than the base 4s"},
		{"failover: none", ""},
		{"failover: nearest", ""},
		{"failover: dc2", ""},
		{"failover: [dc2, cluster01.peer, nearest]", ""},
		{"failover: []", "the list is empty"},
		{"failover: [dc2, none]", "stand alone"},
		{"failover: [consul, dc2]", "stand alone"},
		{"failover: [dc2, dc2]", "a name is there twice"},
		{"failover: [dc 2]", "the name of no datacenter nor peer"},
		{"failover: [.peer]", "the name of no datacenter nor peer"},
		{"failover: [web.dc2]", "the name of no datacenter nor peer"},
		{"failover: [DC2]", "not how Consul writes a datacenter"},
		{"failover: [Theirs.peer]", ""},
		{"subsets: {fallback_policy: default_subset}", "there is no default subset"},
		{"subsets: {fallback_policy: default_subset, default_subset: {a: b}}", ""},
		{"subsets: {locality_weight_aware: true}", "localities do not count"},
		{"subsets: {locality_weight_aware: true}\nlocality: weighted", ""},
		{"subsets: {scale_locality_weight: true}", "localities do not count within subsets"},
		{"subsets: {scale_locality_weight: true, locality_weight_aware: true}\nlocality: weighted", ""},
		{"subsets: {selectors: [{single_host_per_subset: true}]}", "it has no keys"},
		{"subsets: {selectors: [{keys: [a, a]}]}", "a key is there twice"},
		{"subsets: {selectors: [{keys: [a, b], fallback_policy: keys_subset, fallback_keys_subset: [a, a]}]}", "a key is there twice"},
		{"subsets: {selectors: [{keys: [a, b], fallback_policy: keys_subset}]}", "not a part of its keys"},
		{"subsets: {selectors: [{keys: [a, b], fallback_policy: keys_subset, fallback_keys_subset: [a, b]}]}", "not a part of its keys"},
		{"subsets: {selectors: [{keys: [a, b], fallback_policy: keys_subset, fallback_keys_subset: [c]}]}", "not a part of its keys"},
		{"subsets: {selectors: [{keys: [a, b], fallback_policy: keys_subset, fallback_keys_subset: [b]}]}", ""},
		{"subsets: {selectors: [{keys: [a, b], fallback_keys_subset: [b]}]}", "keys_subset only"},
		{"subsets: {selectors: [{keys: [a, b], single_host_per_subset: true}]}", "exactly one key"},
		{"subsets: {selectors: [{keys: [a], single_host_per_subset: true}]}", ""},
		{"health_checks: [" + strings.Repeat("{type: tcp},", 9) + "]", "9 checks"},
		{"health_checks: [" + strings.Repeat("{type: tcp},", 8) + "]", ""},
		{"health_checks: [{interval: 1s}]", "it has no type"},
		{"health_checks: [{type: http}]", "an http check needs a path"},
		{"health_checks: [{type: http, path: x}]", "does not begin with /"},
		{"health_checks: [{type: http, path: /}]", ""},
		{"health_checks: [{type: grpc}]", "a grpc check needs HTTP/2"},
		{"health_checks: [{type: grpc}]\nprotocol: http2", ""},
		{"health_checks: [{type: tcp, path: /}]", "fields of another type"},
		{"health_checks: [{type: tcp, method: GET}]", "fields of another type"},
		{"health_checks: [{type: tcp, expected_statuses: ['200']}]", "fields of another type"},
		{"health_checks: [{type: tcp, service_name: a}]", "fields of another type"},
		{"health_checks: [{type: tcp, host: a}]", "fields of another type"},
		{"health_checks: [{type: http, path: /, send: a}]", "fields of another type"},
		{"health_checks: [{type: http, path: /, receive: a}]", "fields of another type"},
		{"health_checks: [{type: http, path: /, expected_statuses: ['99']}]", "is no status"},
		{"health_checks: [{type: http, path: /, expected_statuses: ['100-599']}]", ""},
		{"health_checks: [{type: http, path: /, expected_statuses: ['100-600']}]", "is no status"},
		{"health_checks: [{type: http, path: /, expected_statuses: ['300-299']}]", "is no status"},
		{"health_checks: [{type: http, path: /, expected_statuses: ['200-x']}]", "is no status"},
		{"health_checks: [{type: http, path: /, expected_statuses: ['x-200']}]", "is no status"},
		{"health_checks: [{type: http, path: /, host: ''}]", "is empty, longer than 255 bytes"},
		{"health_checks: [{type: http, path: \"/\\t\"}]", "is empty, longer than 255 bytes"},
		{"health_checks: [{type: grpc, service_name: ''}]\nprotocol: grpc", "is empty, longer than 255 bytes"},
		{"tls: {cert_file: /a, sni: web}", "a certificate needs its key"},
		{"tls: {key_file: /a, sni: web}", "a certificate needs its key"},
		{"tls: {cert_file: /a, key_file: /b, sni: web}", ""},
		{"tls: {cert_file: /a, key_file: /b, sds: c, sni: web}", "two certificates"},
		{"tls: {enabled: false, cert_file: /a}", ""},
		{"tls: {enabled: true}", "every certificate"},
		{"tls: {ca: system}", "every certificate"},
		{"tls: {ca: /a}", ""},
		{"tls: {ca_sds: a}", ""},
		{"tls: {sans: [web]}", ""},
		{"tls: {sans: ['']}", "is empty"},
		{"tls: {ca: a}", "is not an absolute path"},
		{"tls: {cert_file: a, key_file: /b, sni: web}", "is not an absolute path"},
		{"tls: {cert_file: /a, key_file: b, sni: web}", "is not an absolute path"},
		{"tls: {min_version: '1.3', max_version: '1.2', sni: web}", "the lowest version is above the highest"},
		{"tls: {min_version: '1.3', max_version: '1.3', sni: web}", ""},
		{"tls: {min_version: '1.2', max_version: '1.2', sni: web}", ""},
		{"tls: {alpn: [''], sni: web}", "is no protocol"},
		{"tls: {alpn: [" + strings.Repeat("a", 256) + "], sni: web}", "is no protocol"},
		{"tls: {alpn: [" + strings.Repeat("a", 255) + "], sni: web}", ""},
		{"tls: {sds: /a/b.json, sni: web}", ""},
		{"tls: {sds: /a/b.yml, sni: web}", ""},
		{"alt_stat_name: " + strings.Repeat("a", 255), ""},
		{"alt_stat_name: " + strings.Repeat("a", 256), "longer than 255 bytes"},
		{"alt_stat_name: ''", "is empty"},
		{"tls: {sni: \"a\\n\"}", "is empty, longer than 255 bytes, or has a character"},
		{"endpoint_metadata: {meta: ['']}", "is empty"},
		{"endpoint_metadata: {node_meta: ['']}", "is empty"},
		{"endpoint_metadata: {tags: ['']}", "is empty"},
	} {
		d := &decoder{file: "policy.yaml"}
		var p Policies
		d.read([]byte("defaults:\n  "+strings.ReplaceAll(c.says, "\n", "\n  ")+"\n"), &p)
		var said []string
		for _, err := range d.errs {
			said = append(said, err.Error())
		}
		if len(p.defaults) > 0 {
			for _, m := range p.defaults[0].policy().contradictions() { // what only lacks something is no error of a file
				said = append(said, m.Error())
			}
		}
		if c.want == "" && len(said) > 0 || c.want != "" && (len(said) == 0 || !strings.Contains(said[0], c.want)) {
			t.Errorf("%s: %q, want %q", c.says, said, c.want)
		}
	}
}

// TestWhatAConfigEntrySays: each of its fields becomes one of the policy; zeros say nothing.
func TestWhatAConfigEntrySays(t *testing.T) {
	some, most, none, enforced := 5, 1<<33, -1, uint32(0)
	base := 40 * time.Second
	e := catalog.Entry{Protocol: "HTTP", ConnectTimeout: 2 * time.Second,
		Limits:             catalog.Limits{MaxConnections: &some, MaxPendingRequests: &most, MaxConcurrentRequests: &none},
		PassiveHealthCheck: &catalog.PassiveHealthCheck{Interval: 3 * time.Second, MaxFailures: 7, EnforcingConsecutive5xx: &enforced, BaseEjectionTime: &base},
		LoadBalancer:       &catalog.LoadBalancer{Policy: "ring_hash", MinimumRingSize: 10, MaximumRingSize: 20, ChoiceCount: 3}}
	p, mistakes := OfEntry(e)
	if len(mistakes) > 0 {
		t.Error(mistakes)
	}
	var said strings.Builder
	for _, v := range LayerOf(p, Source{}) {
		said.WriteString(v.Field.Path + " " + v.Show() + "\n")
	}
	want := `protocol http1
connect_timeout 2s
lb_policy ring_hash
least_request.choice_count 3
ring_hash.minimum_ring_size 10
ring_hash.maximum_ring_size 20
circuit_breakers.max_connections 5
circuit_breakers.max_pending_requests 4294967295
outlier_detection.enabled true
outlier_detection.consecutive_5xx 7
outlier_detection.interval 3s
outlier_detection.base_ejection_time 40s
outlier_detection.enforcing_consecutive_5xx 0
`
	if said.String() != want {
		t.Errorf("%s\nwant\n%s", said.String(), want)
	}
	if l := LayerOf(first(OfEntry(catalog.Entry{LoadBalancer: &catalog.LoadBalancer{}})), Source{}); len(l) > 0 {
		t.Errorf("an empty entry says %v", l)
	}
	if l := LayerOf(first(OfEntry(catalog.Entry{PassiveHealthCheck: &catalog.PassiveHealthCheck{}})), Source{}); len(l) != 1 || l[0].Field.Path != "outlier_detection.enabled" {
		t.Errorf("an empty passive health check says %v", l)
	}
	if _, mistakes := OfEntry(catalog.Entry{Protocol: "smtp"}); len(mistakes) != 1 {
		t.Errorf("smtp: %v", mistakes)
	}
	zero := 0
	if p, _ := OfEntry(catalog.Entry{Limits: catalog.Limits{MaxConnections: &zero}}); p.CircuitBreakers.MaxConnections == nil {
		t.Error("a limit of 0 is one")
	}
}

func first[A, B any](a A, _ B) A { return a }

// TestAnExplanationHasAllThatIsKnown.
func TestAnExplanationHasAllThatIsKnown(t *testing.T) {
	p := parseOne(t, "defaults: {maglev: {table_size: 11}, slow_start: {window: 5s}}\nservices:\n- {match: {names: [web]}, lb_policy: random, connect_timeout: 2s}\n")
	e, problems := p.For(own("web"), "", noEntry)
	x := Explain("web", e, problems)
	if len(x.Fields) != 4 || len(x.Problems) != 1 || len(x.NoEffect) != 1 || x.NoEffect[0].Field != "maglev.table_size" || x.Service != "web" {
		t.Errorf("%+v", x)
	}
	none, _ := (&Policies{}).For(own("web"), "", noEntry)
	changes := Changes(none, e)
	if len(changes) != 3 || changes[0] != (Change{"connect_timeout", "5s", "2s", "services policy.yaml:3"}) || changes[1].From != "" {
		t.Errorf("%+v", changes)
	}
	if back := Changes(e, nil); len(back) != 4 || back[0].To != "" || back[0].Source != "services policy.yaml:3" {
		t.Errorf("%+v", back)
	}
	if !e.Same(e) || e.Same(none) {
		t.Error("a policy is not the same as itself, or as another")
	}
}

// TestWhoSaysSomething: of services, or of owners.
func TestWhoSaysSomething(t *testing.T) {
	for content, silent := range map[string]bool{"": true, "services: []\n": true, "owners: []\n": false, "defaults: {protocol: grpc}\n": false,
		"services: [{match: {names: [x]}}]\n": false} {
		if p := parseOne(t, content); p.Silent() != silent {
			t.Errorf("%q: %v", content, p.Silent())
		}
	}
}

// TestALookChangesWithWhatAPolicyLooksAt, and with nothing else unless a filter looks at everything.
func TestALookChangesWithWhatAPolicyLooksAt(t *testing.T) {
	plain, filtering := Policies{}, parseOne(t, "services: [{match: {filter: 'Service.Port == 7'}, protocol: grpc}]\n")
	one := func() catalog.Service {
		return own("web", catalog.Instance{Node: "n", ID: "i", CreateIndex: 5, Tags: []string{"a", "b"}, Meta: map[string]string{"k": "v"}, NodeMeta: map[string]string{"r": "1"},
			Port: 7, Weights: catalog.Weights{Passing: 1, Warning: 2}, Checks: []catalog.Check{{ID: "c", Status: "passing"}}})
	}
	for what, c := range map[string]struct {
		change func(*catalog.Instance)
		always bool
	}{
		"node":      {func(i *catalog.Instance) { i.Node = "m" }, true},
		"id":        {func(i *catalog.Instance) { i.ID = "j" }, true},
		"index":     {func(i *catalog.Instance) { i.CreateIndex = 6 }, true},
		"tag":       {func(i *catalog.Instance) { i.Tags[1] = "c" }, true},
		"tags":      {func(i *catalog.Instance) { i.Tags = []string{"ab"} }, true},
		"meta key":  {func(i *catalog.Instance) { i.Meta = map[string]string{"kv": ""} }, true},
		"meta":      {func(i *catalog.Instance) { i.Meta["k"] = "w" }, true},
		"node meta": {func(i *catalog.Instance) { i.NodeMeta["r"] = "2" }, false},
		"address":   {func(i *catalog.Instance) { i.NodeAddress = "x" }, false},
		"service's": {func(i *catalog.Instance) { i.ServiceAddress = "x" }, false},
		"kind":      {func(i *catalog.Instance) { i.Kind = "x" }, false},
		"socket":    {func(i *catalog.Instance) { i.SocketPath = "x" }, false},
		"port":      {func(i *catalog.Instance) { i.Port = 8 }, false},
		"passing":   {func(i *catalog.Instance) { i.Weights.Passing = 3 }, false},
		"warning":   {func(i *catalog.Instance) { i.Weights.Warning = 3 }, false},
		"check":     {func(i *catalog.Instance) { i.Checks[0].ID = "d" }, false},
		"ports":     {func(i *catalog.Instance) { i.Ports = []catalog.Port{{}, {}} }, false},
		"node's":    {func(i *catalog.Instance) { i.Checks[0].Node = true }, false},
		"status":    {func(i *catalog.Instance) { i.Checks[0].Status = "critical" }, false},
	} {
		was, now := one(), one()
		c.change(&now.Instances[0])
		if got := plain.Look(was) != plain.Look(now); got != c.always {
			t.Errorf("%s: a look without filters differs: %v", what, got)
		}
		if filtering.Look(was) == filtering.Look(now) {
			t.Errorf("%s: a look with a filter is the same", what)
		}
	}
	if plain.Look(one()) != plain.Look(one()) {
		t.Error("a look differs from itself")
	}
}
