package translate

import (
	"fmt"
	"regexp"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"legate/discovery/catalog"
	"legate/internal/policytest"
	"legate/translate/policy"
)

// TestRawFieldsThatEnvoyRefusesAreRefused, and no others. internal/e2e shows a real Envoy the same table.
func TestRawFieldsThatEnvoyRefusesAreRefused(t *testing.T) {
	counts := map[string]int{}
	for _, one := range policytest.Raw() {
		counts[one.Verdict]++
		err := checkRaw(one.JSON)
		if want := one.Verdict == "refused" || one.Verdict == "stricter"; (err != nil) != want {
			t.Errorf("%s %s: %v", one.Verdict, one.JSON, err)
		}
		if err != nil && !regexp.MustCompile(`^policy.yaml:1: .+: .+`).MatchString(err.Error()) {
			t.Errorf("%s: an error without place and remedy: %v", one.JSON, err)
		}
	}
	if counts["accepted"] < 200 || counts["refused"] < 200 {
		t.Errorf("the table has %v", counts)
	}
}

func checkRaw(fields string) error {
	p, err := policy.Parse([]policy.File{{Name: "policy.yaml", Content: fmt.Appendf(nil, `{"services": [{"match": {"names": ["web"]}, "envoy": %s}]}`, fields)}})
	if err == nil {
		err = CheckPolicies(p)
	}
	return err
}

// TestARawZeroReplacesToo: false, the first of several words, and an empty list are said, too.
func TestARawZeroReplacesToo(t *testing.T) {
	p, err := policy.Parse([]policy.File{{Name: "policy.yaml", Content: []byte(`
defaults:
  lb_policy: maglev
  health_checks: [{type: tcp}]
  close_connections_on_host_health_failure: true
  outlier_detection: {split_external_local_origin_errors: true, interval: 5s}
  envoy:
    lbPolicy: ROUND_ROBIN
    health_checks: []
    close_connections_on_host_health_failure: false
    outlier_detection: {split_external_local_origin_errors: false}
    track_timeout_budgets: null
`)}})
	if err != nil {
		t.Fatal(err)
	}
	r, _ := New(testConfig()).With(p)
	r, problems := r.Apply(catalog.Delta{Set: []catalog.Service{eight(1)}})
	if len(problems) > 0 {
		t.Fatalf("%+v", problems)
	}
	m, err := Decode(resource(t, r, ClusterType, "service-00001"))
	if err != nil {
		t.Fatal(err)
	}
	c := m.(*clusterv3.Cluster)
	if c.LbPolicy != clusterv3.Cluster_ROUND_ROBIN || len(c.HealthChecks) > 0 || c.CloseConnectionsOnHostHealthFailure || c.OutlierDetection.SplitExternalLocalOriginErrors {
		t.Errorf("a zero does not count: %v", c)
	}
	if c.OutlierDetection.GetInterval().AsDuration() != 5e9 {
		t.Errorf("what is not said is gone: %v", c.OutlierDetection)
	}
}

// TestARawValueReplacesTheOneOfThePolicy whole: 1s over 2.5s is 1s, and not 1.5s. Time spans, numbers and shares are
// messages to protobuf, and values to people.
func TestARawValueReplacesTheOneOfThePolicy(t *testing.T) {
	p, err := policy.Parse([]policy.File{{Name: "policy.yaml", Content: []byte(`
defaults:
  connect_timeout: 2500ms
  healthy_panic_threshold: 50%
  max_requests_per_connection: 7
  lb_policy: maglev
  locality: weighted
  envoy:
    connect_timeout: 1s
    per_connection_buffer_limit_bytes: 0
    common_lb_config: {healthy_panic_threshold: {}}
    load_balancing_policy: {policies: [{typed_extension_config: {name: random, typed_config: {"@type": type.googleapis.com/envoy.extensions.load_balancing_policies.random.v3.Random}}}]}
`)}})
	if err != nil {
		t.Fatal(err)
	}
	r, _ := New(testConfig()).With(p)
	r, problems := r.Apply(catalog.Delta{Set: []catalog.Service{eight(1)}})
	if len(problems) > 0 {
		t.Fatalf("%+v", problems)
	}
	m, err := Decode(resource(t, r, ClusterType, "service-00001"))
	if err != nil {
		t.Fatal(err)
	}
	c := m.(*clusterv3.Cluster)
	if d := c.ConnectTimeout.AsDuration(); d != 1e9 {
		t.Errorf("connect_timeout %v", d)
	}
	if b := c.PerConnectionBufferLimitBytes; b == nil || b.Value != 0 {
		t.Errorf("per_connection_buffer_limit_bytes %v", b)
	}
	if s := c.GetCommonLbConfig().GetHealthyPanicThreshold(); s.GetValue() != 0 {
		t.Errorf("healthy_panic_threshold %v", s)
	}
	if c.LbPolicy != clusterv3.Cluster_ROUND_ROBIN || c.GetCommonLbConfig().GetLocalityConfigSpecifier() != nil {
		t.Errorf("envoy's own load_balancing_policy is not alone: %v", c)
	}
}
