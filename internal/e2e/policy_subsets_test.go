package e2e_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"legate/internal/parts"
)

// canary: requests with a header get version 2, and 10 % of the others. When there is no version 2, all get version 1.
// An instance whose meta changes gets other requests at once, on the connections that it had. Without
// the groups endpoint_metadata and subsets, each version gets its share of all requests.
func canary() policyStory {
	return policyStory{
		name:     "subsets: a canary, and a change of meta",
		services: []string{"shop"},
		rules: fixed(`
- match: {names: [shop]}
  endpoint_metadata: {meta: [version]}
  subsets:
    selectors: [{keys: [version]}]
    fallback_policy: default_subset
    default_subset: {version: "1"}
`),
		register: func(t *testing.T, s *stage) {
			for instance, version := range map[string]string{"shop-1": "1", "shop-2": "1", "shop-3": "2"} {
				s.setVersion(t, "shop", instance, version)
			}
		},
		chains: map[string]func(*testing.T, object){"shop": cookbookRoutes},
		show: func(t *testing.T, s *stage) {
			e := s.envoys[0]
			version2 := func() (string, error) { return e.askWith("shop", "x-version", "2") }
			eventually(t, func() error { return answered(version2, "shop-3") })
			var by map[string]int
			eventually(t, func() (err error) { by, err = e.count("shop", 1000); return err })
			t.Logf("1000 requests without the header: %v", by)
			if n := by["shop-3"]; n < 50 || n > 150 { // five standard deviations
				t.Errorf("version 2 got %d of 1000 requests, want 10 %%", n)
			}

			others, chosen := visit(t, e, "shop"), visitAt(t, "version 2", version2)
			const closed, rebuilt = "cluster.shop.upstream_cx_destroy", "cluster.shop.membership_change"
			before := map[string]int{closed: e.stat(t, closed), rebuilt: e.stat(t, rebuilt)}
			s.setVersion(t, "shop", "shop-3", "1") // promoted: version 2 is nowhere
			eventually(t, func() error { return answered(version2, "shop-1", "shop-2", "shop-3") })
			s.setVersion(t, "shop", "shop-1", "2")
			eventually(t, func() error { return answered(version2, "shop-1") })
			others.goesOn(t)
			chosen.goesOn(t)
			for stat, n := range before {
				if got := e.stat(t, stat); got != n {
					t.Errorf("%s was %d, and is %d", stat, n, got)
				}
			}
			if e.stat(t, "cluster.shop.upstream_cx_active") == 0 {
				t.Error("no connection is open: this shows nothing")
			}
			if err := e.reaches(t, "cluster.shop.lb_subsets_fallback", 1); err != nil {
				t.Error(err)
			}
		},
	}
}

// cookbookRoutes has the routes of the canary in docs/policy.md, as they are written there: they are there before
// their cluster. So it is for a service web; this one is called otherwise.
func cookbookRoutes(t *testing.T, chain object) {
	t.Helper()
	doc, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	_, recipe, _ := strings.Cut(string(doc), "**A canary**")
	_, block, found := strings.Cut(recipe, "```yaml envoy\nroute_config:")
	if recipe, _, _ := strings.Cut(recipe, "\n**"); !found || !strings.Contains(recipe, "```yaml envoy\nroute_config:") {
		t.Fatal("docs/policy.md shows no routes for a canary")
	}
	block, _, _ = strings.Cut(block, "```")
	var config object
	if err := yaml.Unmarshal([]byte("route_config:"+block), &config); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(config["route_config"])
	if err != nil {
		t.Fatal(err)
	}
	var routes object
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(text), `"web"`, `"shop"`)), &routes); err != nil {
		t.Fatal(err)
	}
	httpOf(chain)["route_config"] = routes
}

// setVersion registers an instance with this version in its meta, for the first time or again.
func (s *stage) setVersion(t *testing.T, service, instance, version string) {
	t.Helper()
	b := s.backend(t, instance, "127.0.0.1:0")
	s.registerAs(t, parts.Instance{ID: instance, Service: service, Address: "127.0.0.1", Port: b.Port, Meta: map[string]string{"version": version}})
}
