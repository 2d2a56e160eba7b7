package policy

import (
	"strings"
	"testing"

	"legate/discovery/catalog"
)

// lines are warnings, one a line.
func lines(all []Warning) string {
	var out strings.Builder
	for _, w := range all {
		out.WriteString(w.Error() + "\n")
	}
	return out.String()
}

// TestWhatAFileAloneShows: each content, with all warnings of it, without a catalog.
func TestWhatAFileAloneShows(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"all is well", "defaults: {http2: {max_concurrent_streams: 5}, ring_hash: {minimum_ring_size: 5}}\n", ""},
		{"HTTP/2 without HTTP/2", "services:\n- match: {names: [web]}\n  protocol: tcp\n  http2:\n    max_concurrent_streams: 5\n",
			"policy.yaml:5: http2.max_concurrent_streams has no effect: protocol is tcp (services policy.yaml:2): set protocol to http2 or grpc, or remove them\n"},
		{"a balancer's settings for another one", "services:\n- match: {names: [web]}\n  lb_policy: maglev\n  ring_hash: {minimum_ring_size: 5}\n",
			"policy.yaml:4: ring_hash.minimum_ring_size has no effect: lb_policy is maglev (services policy.yaml:2): set lb_policy to ring_hash, or remove it\n"},
		{"TLS that is off by default", "owners: []\ndefaults:\n  tls: {enabled: false, sni: web}\n",
			"policy.yaml:3: tls.sni has no effect: tls.enabled is false (defaults policy.yaml:2): remove it, or tls.enabled\n"},
		{"TLS that is off by default, and on for some", "defaults:\n  tls: {enabled: false, sni: web}\nservices:\n- match: {names: [web]}\n  tls: {enabled: true}\n", ""},
		{"HTTP/1 that a later rule makes HTTP/2", "services:\n- match: {names: [w*]}\n  protocol: http1\n  http2: {max_concurrent_streams: 5}\n- match: {names: [web]}\n  protocol: grpc\n", ""},
		{"HTTP/1 by default, and Consul may have another word", "defaults:\n  protocol: http1\n  http2: {max_concurrent_streams: 5}\n", ""},
		{"TLS that is off", "services:\n- match: {names: [web]}\n  tls: {enabled: false, sni: web}\n",
			"policy.yaml:3: tls.sni has no effect: tls.enabled is false (services policy.yaml:2): remove it, or tls.enabled\n"},
		{"limits of requests for TCP", "services:\n- match: {names: [web]}\n  protocol: tcp\n  max_stream_duration: 5s\n  circuit_breakers: {max_connections: 1, max_retries: 2}\n",
			"policy.yaml:4: max_stream_duration has no effect: protocol is tcp (services policy.yaml:2): remove it: Envoy's TCP proxy has limits of its own; idle_timeout counts for tcp, too\n" +
				"policy.yaml:5: circuit_breakers.max_retries has no effect: protocol is tcp (services policy.yaml:2): remove it: tcp has connections, all of the default priority\n"},
		{"retries twice", "services:\n- match: {names: [web]}\n  circuit_breakers: {max_retries: 2, retry_budget_percent: 5}\n",
			"policy.yaml:3: circuit_breakers.max_retries has no effect: circuit_breakers.retry_budget_percent is 5% (services policy.yaml:2): remove it, or the retry budget, which takes its place\n"},
		{"a raw balancer", "services:\n- match: {names: [web]}\n  lb_policy: random\n  envoy: {load_balancing_policy: {policies: []}}\n",
			"policy.yaml:3: lb_policy has no effect: envoy is {\"load_balancing_policy\":{\"policies\":[]}} (services policy.yaml:2): remove it: envoy.load_balancing_policy takes its place\n"},
		{"a subset that is always empty", "defaults:\n  endpoint_metadata: {meta: [v]}\n  subsets: {selectors: [{keys: [version]}]}\n",
			"policy.yaml:3: subsets.selectors has no effect: endpoint_metadata.meta is [\"v\"] (defaults policy.yaml:1): name each of their keys under endpoint_metadata, or no endpoint has them\n"},
		{"a key without a value", "defaults:\n  tls:\n  protocol: grpc\n",
			"policy.yaml:2: tls has no value and says nothing: indent what it shall hold deeper than it, or remove it\n"},
		{"an empty block", "defaults:\nservices:\n", ""},
		{"a ping without a time limit", "services:\n- match: {names: [web]}\n  http2: {keepalive_interval: 30s}\n",
			"policy.yaml:3: http2.keepalive_interval has no effect unless the service's owner sets http2.keepalive_timeout: a ping needs a time limit: set http2.keepalive_timeout too\n"},
		{"nor may the owner", "owners: [protocol]\nservices:\n- match: {names: [web]}\n  http2: {keepalive_interval: 30s}\n",
			"policy.yaml:4: http2.keepalive_interval has no effect: a ping needs a time limit: set http2.keepalive_timeout too\n"},
		{"another rule has it", "defaults: {http2: {keepalive_timeout: 3s}}\nservices:\n- match: {names: [web]}\n  http2: {keepalive_interval: 30s}\n", ""},
		{"a later rule has it", "services:\n- match: {names: [web]}\n  http2: {keepalive_interval: 30s}\n- match: {names: [w*]}\n  http2: {keepalive_timeout: 3s}\n", ""},
		{"Consul may have it", "defaults: {health_checks: [{type: grpc}], maglev: {table_size: 11}}\n", ""},
		{"a certificate without its key", "defaults:\n  tls: {cert_file: /a.pem, sni: web}\n",
			"policy.yaml:2: tls.cert_file has no effect: a certificate needs its key: set both tls.cert_file and tls.key_file\n"},
		{"a window that is missing", "defaults:\n  slow_start: {aggression: 2}\n",
			"policy.yaml:2: slow_start.aggression has no effect unless the service's owner sets slow_start.window: slow_start.window is not set: set slow_start.window\n"},
	} {
		p := parseOne(t, c.content)
		if got := lines(append(p.Warnings(), p.Lacking()...)); got != c.want {
			t.Errorf("%s:\n%swant\n%s", c.name, got, c.want)
		}
	}
}

// TestWhatACatalogShows: what has a say for none of the services web (grpc by Consul), api and shop.
func TestWhatACatalogShows(t *testing.T) {
	services := []catalog.Service{
		own("api", catalog.Instance{ID: "1", Tags: []string{"blue"}, Meta: map[string]string{"version": "1"}}),
		own("shop"),
		own("web", catalog.Instance{ID: "1", Tags: []string{"canary"}, Ports: []catalog.Port{{Name: "grpc", Port: 1}}}),
	}
	for _, c := range []struct{ name, content, want string }{
		{"all is well", "defaults: {http2: {max_concurrent_streams: 5}}\nservices:\n- match: {names: [web]}\n  lb_policy: random\n", ""},
		{"a misspelt name", "services:\n- match: {names: [wbe]}\n  lb_policy: random\n", "policy.yaml:2: no service is called \"wbe\": did you mean \"web\"?\n"},
		{"one of several", "services:\n- match: {names: [web, 'ship-*', xyz]}\n  lb_policy: random\n",
			"policy.yaml:2: no service is called \"ship-*\": did you mean \"shop\"?\npolicy.yaml:2: no service is called \"xyz\": correct the name, or remove it if the service will not come back\n"},
		{"a misspelt tag", "services:\n- match: {names: [web], tags: [canari]}\n  lb_policy: random\n",
			"policy.yaml:2: no service matches this rule: no instance has the tag \"canari\": did you mean \"canary\"?: correct match, or remove the rule if its services will not come back\n"},
		{"a tag of another service", "services:\n- match: {names: [web], tags: [blue]}\n  lb_policy: random\n",
			"policy.yaml:2: no service matches this rule: no instance has the tag \"blue\": correct match, or remove the rule if its services will not come back\n"},
		{"a misspelt port", "services:\n- match: {ports: [grcp]}\n  lb_policy: random\n",
			"policy.yaml:2: no service matches this rule: no instance has the port \"grcp\": did you mean \"grpc\"?: correct match, or remove the rule if its services will not come back\n"},
		{"a misspelt key of meta", "services:\n- match: {meta: {verzion: '*'}}\n  lb_policy: random\n",
			"policy.yaml:2: no service matches this rule: no instance has the meta \"verzion\": did you mean \"version\"?: correct match, or remove the rule if its services will not come back\n"},
		{"a value of meta", "services:\n- match: {meta: {version: v1}}\n  lb_policy: random\n",
			"policy.yaml:2: no service matches this rule: no instance has the meta version \"v1\": did you mean \"1\"?: correct match, or remove the rule if its services will not come back\n"},
		{"a filter", "services:\n- match: {filter: 'Service.Port == 7'}\n  lb_policy: random\n",
			"policy.yaml:2: no service matches this rule: its conditions hold for most instances of no service: correct match, or remove the rule if its services will not come back\n"},
		{"one port of several", "services:\n- match: {ports: [http, grpc]}\n  lb_policy: random\n", ""},
		{"a rule that is overruled", "services:\n- match: {names: [web]}\n  lb_policy: random\n  locality: weighted\n- match: {names: [w*]}\n  lb_policy: maglev\n  locality: none\n",
			"policy.yaml:2: this rule has no say: of each service that it matches, another source overrules all of its fields (lb_policy: services policy.yaml:5): move the rule behind the others, or remove it: of several rules the last one counts\n"},
		{"a rule that is overruled for some", "services:\n- match: {names: [web, api]}\n  lb_policy: random\n- match: {names: [web]}\n  lb_policy: maglev\n", ""},
		{"a rule of which a part holds", "services:\n- match: {names: [web]}\n  lb_policy: random\n  locality: weighted\n- match: {names: [w*]}\n  lb_policy: maglev\n", ""},
		{"a rule that says nothing", "services:\n- match: {names: [web]}\n", "policy.yaml:2: this rule says nothing: write what shall hold for its services, or remove it\n"},
		{"a field without effect", "services:\n- match: {names: [api]}\n  http2:\n    max_concurrent_streams: 5\n",
			"policy.yaml:4: http2.max_concurrent_streams has no effect for any service: protocol is http1 by default: set protocol to http2 or grpc, or remove them\n"},
		{"a default without effect", "defaults:\n  maglev: {table_size: 11}\n",
			"policy.yaml:2: maglev.table_size has no effect for any service: lb_policy is round_robin by default: set lb_policy to maglev, or remove it\n"},
		{"a default that a rule makes idle", "defaults:\n  protocol: grpc\n  http2: {max_concurrent_streams: 5}\nservices:\n- match: {names: ['*']}\n  protocol: tcp\n",
			"policy.yaml:3: http2.max_concurrent_streams has no effect for any service: protocol is tcp (services policy.yaml:5): set protocol to http2 or grpc, or remove them\n"},
		{"what the file alone shows", "services:\n- match: {names: [api]}\n  protocol: tcp\n  http2: {max_concurrent_streams: 5}\n", ""},
	} {
		p := parseOne(t, c.content)
		audit := p.Audit()
		for _, s := range services {
			ports := []string{""}
			if s.Key.Name == "web" {
				ports = append(ports, "grpc")
			}
			for _, port := range ports {
				e, _ := p.For(s, port, func(k catalog.EntryKey) (catalog.Entry, bool) {
					return catalog.Entry{Key: k, Protocol: "grpc"}, k.Kind == catalog.ServiceDefaults && k.Name == "web"
				})
				audit.Service(s, port, e)
			}
		}
		if got := lines(audit.Warnings()); got != c.want {
			t.Errorf("%s:\n%swant\n%s", c.name, got, c.want)
		}
	}
	p := parseOne(t, "services:\n- match: {tags: [x]}\n  lb_policy: random\n")
	if got := lines(p.Audit().Warnings()); !strings.Contains(got, "there is no service") {
		t.Errorf("an empty catalog: %s", got)
	}
}
