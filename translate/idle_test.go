package translate

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"legate/discovery/catalog"
	"legate/internal/policytest"
	"legate/translate/policy"
)

// TestAFieldThatChangesNothingIsSaidToHaveNoEffect: of random policies, each field that makes no difference to the
// cluster nor to the assignment, whatever its value, is one of [policy.Effective.Idle].
func TestAFieldThatChangesNothingIsSaidToHaveNoEffect(t *testing.T) {
	draw := policytest.Drawer{Rand: rand.New(rand.NewPCG(21, 22)), Texts: policytest.Texts()}
	for _, file := range []string{"tls.ca", "tls.cert_file", "tls.key_file"} {
		draw.Texts[file] = []string{"/etc/envoy/some.pem", "/etc/envoy/other.pem"}
	}
	draw.Texts["tls.sds"], draw.Texts["tls.ca_sds"] = []string{"client", "/etc/envoy/client.yaml"}, []string{"authorities", "/etc/envoy/authorities.yaml"}
	var rules []map[string]any
	if err := json.Unmarshal(rulesOf(t, draw, 150), &rules); err != nil {
		t.Fatal(err)
	}
	values := map[string][]any{} // by path
	for _, rule := range rules {
		for _, f := range policy.Fields() {
			if v := at(rule, f.Path); v != nil {
				values[f.Path] = append(values[f.Path], v)
			}
		}
	}
	seen := map[string]bool{}
	for n, rule := range rules {
		e := effectiveOf(t, rule)
		if e == nil {
			continue
		}
		before, idle := made(t, e), map[string]bool{}
		for _, one := range e.Idle() {
			idle[one.Value.Field.Path] = true
		}
		for _, f := range policy.Fields() {
			was := at(rule, f.Path)
			if was == nil || idle[f.Path] {
				continue
			}
			tried, differs := 0, false
			for i := 0; i < len(values[f.Path]) && tried < 5 && !differs; i++ {
				v := values[f.Path][(n+i)%len(values[f.Path])]
				if fmt.Sprint(v) == fmt.Sprint(was) {
					continue
				}
				set(rule, f.Path, v)
				if other := effectiveOf(t, rule); other != nil {
					tried++
					differs = made(t, other) != before
				}
			}
			set(rule, f.Path, was)
			if tried > 0 && !differs {
				t.Errorf("%s has no effect in %v", f.Path, rule)
			}
			if differs {
				seen[f.Path] = true
			}
		}
	}
	if len(seen) < len(policy.Fields())*3/4 {
		t.Errorf("only %d fields were seen to have an effect: %v", len(seen), seen)
	}
}

func rulesOf(t *testing.T, draw policytest.Drawer, n int) []byte {
	t.Helper()
	var file struct{ Services json.RawMessage }
	if err := json.Unmarshal(draw.Rules(n, func(int) string { return "web" }, nil), &file); err != nil {
		t.Fatal(err)
	}
	return file.Services
}

// at is what a rule says under a path; nil: nothing.
func at(rule map[string]any, path string) any {
	group, rest, inside := strings.Cut(path, ".")
	if !inside {
		return rule[path]
	}
	of, _ := rule[group].(map[string]any)
	return at(of, rest)
}

func set(rule map[string]any, path string, v any) {
	group, rest, inside := strings.Cut(path, ".")
	if !inside {
		rule[path] = v
		return
	}
	set(rule[group].(map[string]any), rest, v)
}

// effectiveOf is the policy that a rule makes; nil if a part of it is left out.
func effectiveOf(t *testing.T, rule map[string]any) *policy.Effective {
	t.Helper()
	text, err := json.Marshal(map[string]any{"services": []any{rule}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Parse([]policy.File{{Name: "drawn", Content: text}})
	if err != nil {
		return nil
	}
	e, problems := p.For(instances(), "", func(catalog.EntryKey) (catalog.Entry, bool) { return catalog.Entry{}, false })
	if len(problems) > 0 {
		return nil
	}
	return e
}

// instances are a service with all that a policy distinguishes.
func instances() catalog.Service {
	s := catalog.Service{Key: own("web")}
	for n, state := range []string{"passing", "warning", "critical", "maintenance"} {
		var health catalog.Health
		if err := health.UnmarshalText([]byte(state)); err != nil {
			panic(err)
		}
		s.Instances = append(s.Instances, catalog.Instance{ID: fmt.Sprint(n), Node: "n", Address: fmt.Sprintf("10.0.0.%d", n+1), Port: 80, Health: health,
			Weights: catalog.Weights{Passing: 5, Warning: 3}})
	}
	labels := map[string]string{"version": "1", "canary": "x", "rack": "1"}
	s.Instances[0].Meta, s.Instances[1].NodeMeta, s.Instances[2].Tags = labels, labels, []string{"version=2", "canary", "rack=7"}
	return s
}

// made are the clusters and the assignments that a policy makes of them, with addresses and with host names: of the
// service here, which may fail over, and of the one of another datacenter by its own name.
func made(t *testing.T, e *policy.Effective) string {
	t.Helper()
	var all strings.Builder
	c := testConfig()
	for _, name := range []string{"", "web.example.com"} {
		now := catalog.New()
		for n, k := range []string{"web", "web@dc2", "web@dc3", "web@p.peer"} {
			s := instances()
			s.Key = keyOf(k)
			for i := range s.Instances {
				one := &s.Instances[i]
				one.Address = strings.Replace(one.Address, "10.0", fmt.Sprint("10.", n), 1)
				one.Tagged = map[string]catalog.TaggedAddress{"wan": {Address: "198.51.100." + one.ID}, "lan": {Address: fmt.Sprint("10.20.", n, ".", one.ID)}}
				if name != "" {
					one.Address, one.Tagged = fmt.Sprintf("h%d-%d.%s", n, i, name), nil
				}
			}
			now.Services[s.Key] = s
		}
		near := catalog.EntryKey{Kind: catalog.Datacenters, Name: catalog.NearestEntry}
		now.Entries[near] = catalog.Entry{Key: near, Datacenters: []string{"dc3", "dc2"}}
		c.Resolved = name == ""
		read := &reader{inputs: empty().inputs.apply(catalog.Catalog{}.Diff(now))}
		for _, k := range []string{"web", "web@dc2"} {
			u := c.unit(keyOf(k), "")
			said := &said{Effective: e, failover: e.Policy().Failover}
			parts, _ := c.parts(u, said, e.Policy(), read.begin(u, nil))
			endpoints, _ := c.endpointsOf(parts, "", e.Policy())
			resources, err := encodeUnit(u.name(), e.Policy(), endpoints, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range resources {
				all.Write(r.Value)
				fmt.Fprint(&all, r.Near)
			}
		}
	}
	return all.String()
}
