package translate

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"legate/discovery/catalog"
	"legate/internal/policytest"
	"legate/translate/policy"
)

// TestInstancesThatComeAndGoNeverChangeACluster: policies in which any field may be set, by owners who agree
// and by rules that match by what instances say. Instances come and go, to none and back, and change their
// health, weights and addresses. The clusters stay the same byte by byte, those of further ports too.
func TestInstancesThatComeAndGoNeverChangeACluster(t *testing.T) {
	drawn := map[string]bool{}
	for seed := range uint64(25) {
		r := rand.New(rand.NewPCG(seed, 31))
		draw := policytest.Drawer{Rand: r, Texts: policytest.Texts()}
		now, owners := catalog.New(), map[catalog.ServiceKey]map[string]string{}
		for _, name := range []string{"web", "api", "db"} {
			k := own(name)
			owners[k] = ownersMeta(draw, drawn)
			now.Services[k] = catalog.Service{Key: k}.With(agreeing(r, owners[k], 1+r.IntN(4)))
		}
		resources, _ := New(testConfig()).With(matchedByInstances(t, draw))
		resources, _ = resources.Apply(catalog.Catalog{}.Diff(now))
		first := clustersOf(resources)
		if len(first) != 6 {
			t.Fatalf("seed %d: %d clusters, want those of 3 services and of their further ports", seed, len(first))
		}
		for step := range 15 {
			next := catalog.Catalog{Services: maps.Clone(now.Services)}
			for k, s := range next.Services {
				if r.IntN(2) == 0 {
					next.Services[k] = s.With(agreeing(r, owners[k], pick(r, 0, 0, 1, 2, 5)))
				}
			}
			resources, _ = resources.Apply(now.Diff(next))
			now = next
			got := clustersOf(resources)
			for name, was := range first {
				if !equalResource(got[name], was) {
					t.Fatalf("seed %d, step %d: instances changed cluster %s, which has %d now:\n%s\nit was\n%s",
						seed, step, name.Name, len(now.Services[own(strings.TrimSuffix(name.Name, ".grpc.port"))].Instances), shown(t, got[name]), shown(t, was))
				}
			}
		}
	}
	for _, f := range policy.Fields() {
		if f.Owner && !drawn[f.Path] && f.Kind != "list" && f.Kind != "texts by key" {
			t.Errorf("no owner said %s", f.Path)
		}
	}
}

// ownersMeta is what the owner of a service says, of any field that is open to owners.
func ownersMeta(draw policytest.Drawer, drawn map[string]bool) map[string]string {
	meta, said := map[string]string{"team": "shop"}, draw.Policy()
	for _, f := range policy.Fields() {
		var v any = said
		for _, name := range strings.Split(f.Path, ".") {
			group, _ := v.(map[string]any)
			v = group[name]
		}
		if list, is := v.([]string); is {
			v = strings.Join(list, ",")
		}
		if v != nil && f.Owner {
			meta[f.Meta()], drawn[f.Path] = fmt.Sprint(v), true
		}
	}
	return meta
}

// matchedByInstances are random policies of rules that apply by what instances say, in each way that there is.
func matchedByInstances(t *testing.T, draw policytest.Drawer) policy.Policies {
	t.Helper()
	matches := []map[string]any{
		{"tags": []string{"edge"}}, {"meta": map[string]string{"team": "sh*"}}, {"tags": []string{"none"}},
		{"filter": `Service.Meta.team == "shop" and Node.Meta.rack == "7"`}, {"tags": []string{"edge"}, "ports": []string{"grpc"}},
	}
	var file struct {
		Services []map[string]any `json:"services"`
	}
	if err := json.Unmarshal(draw.Rules(len(matches), strconv.Itoa, nil), &file); err != nil {
		t.Fatal(err)
	}
	for n, match := range matches {
		file.Services[n]["match"] = match
	}
	text, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Parse([]policy.File{{Name: "drawn", Content: text}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// agreeing are so many random instances that say the same of their service.
func agreeing(r *rand.Rand, meta map[string]string, n int) (all []catalog.Instance) {
	for _, id := range r.Perm(9)[:n] {
		all = append(all, catalog.Instance{
			Node: pick(r, "n1", "n2"), ID: fmt.Sprint(id), Address: fmt.Sprintf("10.0.0.%d", 1+r.IntN(9)), Port: pick(r, 80, 80, 0),
			Ports:   []catalog.Port{{Name: "grpc", Port: 82}, {Name: "http", Port: 80, Default: true}},
			Health:  catalog.Health(r.IntN(4)),
			Checks:  []catalog.Check{{ID: "alive", Status: pick(r, "passing", "critical")}},
			Weights: catalog.Weights{Passing: 1 + r.IntN(9), Warning: 1}, Locality: catalog.Locality{Zone: pick(r, "a", "b")},
			Tags: []string{"edge", pick(r, "v1", "v2")}, Meta: meta, NodeMeta: map[string]string{"rack": "7"},
			CreateIndex: 10 + r.Uint64N(5),
		})
	}
	slices.SortFunc(all, catalog.Instance.Compare)
	return all
}

func clustersOf(r Resources) map[Name]Resource {
	all := held(r)
	maps.DeleteFunc(all, func(n Name, _ Resource) bool { return n.Type != ClusterType })
	return all
}

func shown(t *testing.T, r Resource) string {
	t.Helper()
	if r.Value == nil {
		return "nothing"
	}
	m, err := Decode(r)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(m)
}
