package translate

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"legate/discovery/catalog"
	"legate/internal/policytest"
	"legate/translate/policy"
)

// TestEveryPolicyThatTheSchemaAllowsMakesAClusterThatPassesEnvoysRules: random policies of the operator, the
// owner's and Consul's words beside them. No field is left out of the draw, and instances never show in the
// cluster. internal/e2e loads such policies into a real Envoy.
func TestEveryPolicyThatTheSchemaAllowsMakesAClusterThatPassesEnvoysRules(t *testing.T) {
	const n = 300
	draw := policytest.Drawer{Rand: rand.New(rand.NewPCG(11, 12)), Texts: policytest.Texts()}
	for _, file := range []string{"tls.ca", "tls.cert_file", "tls.key_file"} {
		draw.Texts[file] = []string{"/etc/envoy/some.pem"}
	}
	draw.Texts["tls.sds"], draw.Texts["tls.ca_sds"] = []string{"client", "/etc/envoy/client.yaml"}, []string{"authorities", "/etc/envoy/authorities.yaml"}
	counts := map[string]int{}
	name := func(i int) string { return fmt.Sprintf("s%03d", i) }
	policies, err := policy.Parse([]policy.File{{Name: "drawn", Content: draw.Rules(n, name, counts)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range policy.Fields() {
		if counts[f.Path] < 5 {
			t.Errorf("%s was drawn %d times only", f.Path, counts[f.Path])
		}
	}
	r, _ := New(testConfig()).With(policies)
	for i := range n {
		s := catalog.Service{Key: own(name(i))}
		r, problems := r.Apply(catalog.Delta{Set: []catalog.Service{s}})
		for _, p := range problems {
			if p.Reason != BadPolicy {
				t.Errorf("%s: %+v", name(i), p)
			}
		}
		empty := resource(t, r, ClusterType, name(i))
		requireAccepted(t, empty)
		m, err := Decode(empty)
		if err != nil {
			t.Fatal(err)
		}
		if err := validatePacked(m.ProtoReflect()); err != nil {
			t.Errorf("%s: %v", name(i), err)
		}
		after, _ := r.Apply(catalog.Delta{Set: []catalog.Service{randomService(draw.Rand, own(name(i)))}})
		if got := resource(t, after, ClusterType, name(i)); !equalResource(got, empty) {
			t.Fatalf("%s: instances changed the cluster", name(i))
		}
		for one := range after.All() {
			requireAccepted(t, one)
		}
	}
}
