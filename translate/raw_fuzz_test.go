package translate

import (
	"testing"

	"legate/discovery/catalog"
	"legate/internal/policytest"
	"legate/translate/policy"
)

// FuzzRaw: whatever raw fields a policy has, the service is served by a cluster that passes Envoy's own rules, with
// them or without them; what a check accepts is not left out.
func FuzzRaw(f *testing.F) {
	for _, one := range policytest.Raw() {
		f.Add(one.JSON)
	}
	f.Fuzz(func(t *testing.T, fields string) {
		p, err := policy.Parse([]policy.File{{Name: "policy.yaml", Content: []byte("services: [{match: {names: ['*']}, envoy: " + fields + "}]")}})
		if err != nil {
			return
		}
		refused := CheckPolicies(p)
		r, _ := New(testConfig()).With(p)
		r, problems := r.Apply(catalog.Delta{Set: []catalog.Service{eight(1)}})
		requireAccepted(t, resource(t, r, ClusterType, "service-00001"))
		if (refused != nil) != (len(problems) > 0) {
			t.Errorf("the check says %v, and a service has %v", refused, problems)
		}
	})
}
