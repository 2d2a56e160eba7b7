package policy

import (
	"strings"
	"testing"
)

func TestEachMistakeInAFileIsNamedWithLineAndRemedy(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"unknown block", "default: {}\n", `policy.yaml:1: unknown field "default" in the file: did you mean "defaults"?`},
		{"unknown field", "defaults:\n  conect_timeout: 1s\n", `policy.yaml:2: unknown field "conect_timeout" in defaults: did you mean "connect_timeout"?`},
		{"unknown field of a group", "defaults:\n  tls: {ca_flie: x}\n", `policy.yaml:2: unknown field "ca_flie" in tls: there are enabled, sni, ca, cert_file`},
		{"unknown field of a check", "defaults:\n  health_checks:\n  - {type: tcp, intervall: 1s}\n", `policy.yaml:3: unknown field "intervall" in health_checks[0]: did you mean "interval"?`},
		{"field twice", "defaults:\n  protocol: grpc\n  protocol: tcp\n", `policy.yaml:3: "protocol" is there twice, first in line 2: remove one`},
		{"word", "defaults:\n  protocol: grcp\n", `policy.yaml:2: protocol: "grcp" is none of http1, http2, grpc, tcp, auto, downstream: did you mean "grpc"?`},
		{"span", "defaults:\n  connect_timeout: 5\n", `policy.yaml:2: connect_timeout: "5" is no time span: write a number and its unit, such as 250ms, 5s or 1m30s`},
		{"span out of bounds", "defaults:\n  connect_timeout: 0s\n", `policy.yaml:2: connect_timeout: 0s is out of bounds: want 1ms to 1h`},
		{"percentage", "defaults:\n  healthy_panic_threshold: 101\n", `policy.yaml:2: healthy_panic_threshold: 101% is out of bounds: want 0% to 100%`},
		{"size", "defaults:\n  per_connection_buffer_limit: 1MB\n", `policy.yaml:2: per_connection_buffer_limit: "1MB" is no size: write a whole number of bytes, or one with KiB, MiB or GiB`},
		{"number", "defaults:\n  max_requests_per_connection: -1\n", `policy.yaml:2: max_requests_per_connection: "-1" is not a whole number from 0`},
		{"list for a value", "defaults:\n  protocol: [grpc]\n", `policy.yaml:2: protocol must be a plain value`},
		{"value for a group", "defaults:\n  tls: on\n", `policy.yaml:2: tls must hold keys and values: enabled`},
		{"empty group", "defaults:\n  tls: {}\n", `policy.yaml:2: tls is empty and says nothing: set one of its fields, such as enabled`},
		{"rule without match", "services:\n- protocol: grpc\n", `policy.yaml:2: services[0] has no match, so nobody knows for which services it is: set match`},
		{"match without condition", "services:\n- match: {}\n  protocol: grpc\n", `policy.yaml:2: services[0].match has no condition: set names`},
		{"bad filter", "services:\n- match: {filter: 'Service.Meta.v =='}\n", `policy.yaml:2: services[0].match.filter: `},
		{"filter of an unknown field", "services:\n- match: {filter: 'Servcie.Tags contains x'}\n", `what is known of an instance is Service.Meta`},
		{"rules that contradict", "defaults:\n  lb_policy: maglev\n  slow_start: {window: 10s}\n", `policy.yaml:3: slow_start.window, lb_policy: there is no slow start with maglev: use round_robin or least_request, or set slow_start.window to 0s`},
		{"prime", "defaults:\n  maglev: {table_size: 65536}\n", `policy.yaml:2: maglev.table_size: 65536 is no prime number: take a prime`},
		{"SDS file", "defaults:\n  tls: {sds: /etc/envoy/client.pem, sni: web}\n", `policy.yaml:2: tls.sds: "/etc/envoy/client.pem" does not end like a file of Envoy's SDS: write the name of a secret in the bootstrap, or a path such as /etc/envoy/NAME.yaml of a file with the secret NAME`},
		{"SDS file without a name", "defaults:\n  tls: {ca_sds: /etc/envoy/.yaml}\n", `policy.yaml:2: tls.ca_sds: "/etc/envoy/.yaml" does not end like a file`},
		{"two authorities", "defaults:\n  tls: {ca_sds: trusted, ca: system}\n", `policy.yaml:2: tls.ca_sds, tls.ca: the secret says already who is believed: set ca, or ca_sds`},
		{"raw", "defaults:\n  envoy:\n    conect_timeout: 1s\n", `policy.yaml:3: envoy: unknown field "conect_timeout": see envoy.config.cluster.v3.Cluster in Envoy's API reference`},
		{"raw, a number for a span", "defaults:\n  envoy:\n    lb_policy: MAGLEV\n    connect_timeout: 5\n", `policy.yaml:4: envoy: connect_timeout: unexpected token 5: see`},
		{"raw, a message for a list", "defaults:\n  envoy:\n    circuit_breakers: {thresholds: {max_retries: 5}}\n", `policy.yaml:3: envoy: circuit_breakers: unexpected token {: see`},
		{"raw, Legate's fields", "defaults:\n  envoy:\n    name: x\n    type: STATIC\n", "policy.yaml:3: envoy: name is Legate's: remove it\npolicy.yaml:4: envoy: type is Legate's: remove it"},
		{"owners", "owners: [protokol]\n", `policy.yaml:1: owners: no field that owners may set is called "protokol": write names such as protocol`},
		{"owners of what is not theirs", "owners: [tls.key_file]\n", `policy.yaml:1: owners: no field that owners may set is called "tls.key_file"`},
		{"merge key", "defaults: &d {protocol: grpc}\nservices:\n- <<: *d\n  match: {names: [x]}\n", `policy.yaml:3: merge keys (<<) are not supported`},
		{"two documents", "defaults: {}\n---\ndefaults: {}\n", `policy.yaml: more than one YAML document: remove the second one`},
		{"a tab", "services:\n- match: {names: [web]}\n\tprotocol: grpc\n", `policy.yaml:3: not YAML: found character that cannot start any token: look at the indentation here and just before, which is of spaces and never of tabs, and at quotes and brackets that are not closed`},
		{"deeper than its neighbour", "services:\n- match: {names: [web]}\n   protocol: grpc\n", `: not YAML: did not find expected key: look at`},
		{"rules without dashes", "services:\n  match: {names: [web]}\n", `policy.yaml:2: services must be a list: put each element into a line of its own that begins with a dash, or all of them into [ ]`},
		{"a group's field beside the group", "services:\n- match: {names: [web]}\n  http2:\n  keepalive_timeout: 1s\n", `policy.yaml:4: unknown field "keepalive_timeout" in services[0]: it is a field of http2 (line 3): indent it deeper than that`},
		{"a group's field that has no group", "defaults:\n  keepalive_timeout: 1s\n", `policy.yaml:2: unknown field "keepalive_timeout" in defaults: it is a field of http2: write it below that, indented`},
		{"a field of several groups", "defaults:\n  interval: 1s\n", `policy.yaml:2: unknown field "interval" in defaults: it is a field of health_checks and of outlier_detection and of tcp_keepalive: write it below that, indented`},
		{"a field of the inner group beside it", "defaults:\n  subsets:\n    selectors:\n    keys: [a]\n", `policy.yaml:4: unknown field "keys" in subsets: it is a field of selectors (line 3): indent it deeper than that`},
		{"conditions beside match", "services:\n- match:\n  names: [web]\n  protocol: grpc\n", `policy.yaml:3: unknown field "names" in services[0]: it is a field of match (line 2): indent it deeper than that`},
		{"conditions without match", "services:\n- tags: [web]\n", `policy.yaml:2: unknown field "tags" in services[0]: it is a field of endpoint_metadata and of match: write it below that, indented`},
		{"fields in match", "services:\n- match:\n    names: [web]\n    protocol: grpc\n", `policy.yaml:4: unknown field "protocol" in services[0].match: it is a field of the rule itself, or of defaults: indent it less`},
		{"fields deeper than their group", "defaults:\n  tls:\n    sni: web\n    lb_policy: random\n", `policy.yaml:4: unknown field "lb_policy" in tls: it is a field of the rule itself, or of defaults: indent it less`},
		{"defaults beside defaults", "defaults:\nprotocol: grpc\n", `policy.yaml:2: unknown field "protocol" in the file: it is a field of defaults (line 1): indent it deeper than that`},
		{"fields of no block", "protocol: grpc\n", `policy.yaml:1: unknown field "protocol" in the file: it is a field of defaults, and of each rule under services: write it below one of them, indented`},
		{"services in defaults", "defaults:\n  protocol: grpc\n  services: []\n", `policy.yaml:3: unknown field "services" in defaults: it stands at the beginning of a line: do not indent it`},
		{"rules by names", "services:\n  web: {protocol: grpc}\n", `policy.yaml:2: services must be a list: put each element into a line of its own that begins with a dash, or all of them into [ ], such as - match: {names: [web]}`},
		{"match without a value", "services:\n- match:\n  protocol: grpc\n", `policy.yaml:2: services[0].match has no condition: set names`},
		{"a check without type", "defaults:\n  health_checks: [{path: /x}]\n", `[0]: it has no type: set type to http, grpc or tcp`},
	} {
		_, err := Parse([]File{{"policy.yaml", []byte(c.content)}})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

// TestAMistakeIsReportedOnce: what follows from it is no further mistake.
func TestAMistakeIsReportedOnce(t *testing.T) {
	for _, content := range []string{
		"services:\n- match: web\n", "services:\n- match:\n  names: [web]\n", "defaults:\nprotocol: grpc\n", "services:\n- match: {name: web}\n", "services:\n- match: {filter: 'Service.Foo == 1'}\n",
		"defaults:\n  health_checks: [{path: /x}]\n",
		"defaults:\n  envoy: {connect_timeout: 5, lb_policy: MAGLEV}\n",
	} {
		_, err := Parse([]File{{"policy.yaml", []byte(content)}})
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", content, err)
		}
	}
}

func TestAllMistakesOfAllFilesAreReportedAtOnce(t *testing.T) {
	p, err := Parse([]File{
		{"a.yaml", []byte("defaults:\n  protocol: x\n  connect_timeout: y\n")},
		{"b.yaml", []byte("services:\n- match: {name: web}\n  tls: {enabled: perhaps}\n- protokol: grpc\n")},
	})
	if err == nil || len(p.defaults)+len(p.rules) != 0 {
		t.Fatalf("%v %v", p, err)
	}
	for _, want := range []string{"a.yaml:2: protocol", "a.yaml:3: connect_timeout", `b.yaml:2: unknown field "name"`, "b.yaml:3: tls.enabled", `b.yaml:4: unknown field "protokol"`, "b.yaml:4: services[1] has no match"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %s", err, want)
		}
	}
}

func TestFilesCountInTheirOrder(t *testing.T) {
	p, err := Parse([]File{
		{"10.yaml", []byte("defaults: {protocol: http2, connect_timeout: 1s}\nservices:\n- {match: {names: [web]}, lb_policy: random}\n")},
		{"20.json", []byte(`{"defaults": {"protocol": "grpc"}, "services": [{"match": {"names": "web"}, "lb_policy": "maglev"}]}`)},
		{"30.yaml", []byte("# nothing\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	e, _ := p.For(own("web"), "", noEntry)
	want := "protocol grpc (defaults 20.json:1)\nconnect_timeout 1s (defaults 10.yaml:1)\nlb_policy maglev (services 20.json:1)\nhealthy_panic_threshold 0% (built-in)\n"
	if got := show(e); got != want {
		t.Errorf("%s want\n%s", got, want)
	}
}

func TestEachKindOfValueIsReadAndShownInOneSpelling(t *testing.T) {
	p := parseOne(t, `
defaults:
  connect_timeout: 90s
  healthy_panic_threshold: 12.5
  per_connection_buffer_limit: 65536
  tls: {alpn: [h2, http/1.1], sni: "1.2"}
  subsets: {default_subset: {version: 1}}
  health_checks: [{type: http, path: /, expected_statuses: [200-299]}]
  envoy: {track_timeout_budgets: true}
`)
	e, _ := p.For(own("web"), "", noEntry)
	for _, want := range []string{"connect_timeout 1m30s ", "healthy_panic_threshold 12.5% ", "per_connection_buffer_limit 64KiB ",
		`tls.alpn ["h2","http/1.1"] `, "tls.sni 1.2 ", `subsets.default_subset {"version":"1"} `, `health_checks [{"expected_statuses":["200-299"],"path":"/","type":"http"}] `,
		`envoy {"track_timeout_budgets":true} `} {
		if !strings.Contains(show(e), want) {
			t.Errorf("%s lacks %s", show(e), want)
		}
	}
}
