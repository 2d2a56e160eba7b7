package translate

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"legate/discovery/catalog"
	"legate/internal/policytest"
	"legate/translate/policy"
)

// saying is a random catalog whose owners and config entries say something of policies, too.
func saying(r *rand.Rand) catalog.Catalog {
	c := randomCatalog(r)
	for k, s := range c.Services {
		for n := range s.Instances {
			s.Instances[n].Meta = map[string]string{}
			for _, key := range []string{"legate-protocol", "legate-lb-policy", "legate-slow-start-window", "legate-none"} {
				if r.IntN(3) == 0 {
					s.Instances[n].Meta[key] = pick(r, "grpc", "tcp", "maglev", "random", "5s", "0s")
				}
			}
		}
		for _, e := range []catalog.Entry{
			{Key: catalog.EntryKey{Kind: catalog.ServiceDefaults, Name: strings.ToLower(k.Name)}, Protocol: pick(r, "http", "grpc", "odd")},
			{Key: catalog.EntryKey{Kind: catalog.ServiceResolver, Name: strings.ToLower(k.Name)}, LoadBalancer: &catalog.LoadBalancer{Policy: pick(r, "maglev", "ring_hash", "")}},
			{Key: catalog.EntryKey{Kind: catalog.ProxyDefaults, Name: catalog.GlobalEntry}, Protocol: pick(r, "http2", "tcp")},
		} {
			if r.IntN(3) == 0 {
				c.Entries[e.Key] = e
			}
		}
	}
	return c
}

func randomPolicies(t *testing.T, r *rand.Rand, c catalog.Catalog) policy.Policies {
	t.Helper()
	names := []string{"*"}
	for k := range c.Services {
		names = append(names, k.Name)
	}
	draw := policytest.Drawer{Rand: r, Texts: policytest.Texts()}
	p, err := policy.Parse([]policy.File{{Name: "drawn", Content: draw.Rules(1+r.IntN(3), func(int) string { return pick(r, names...) }, nil)}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestWhateverComesFirstTheSameIsServed: deltas of services and of entries, and policies, in any order, give
// what translating everything at once gives.
func TestWhateverComesFirstTheSameIsServed(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 21))
		folded, now, wanted := New(testConfig()), catalog.New(), policy.Policies{}
		for range 6 {
			before := folded
			if r.IntN(3) == 0 {
				wanted = randomPolicies(t, r, now)
				folded, _ = folded.With(wanted)
			} else {
				next := saying(r)
				folded, _ = folded.Apply(now.Diff(next))
				now = next
			}
			batch := folded.Diff(before)
			for _, one := range batch.Set {
				if one.Type == ClusterType && !brings(batch, Name{AssignmentType, one.Name.Name}) {
					t.Fatalf("seed %d: cluster %s comes without its assignment", seed, one.Name.Name)
				}
			}
		}
		whole, _ := New(testConfig()).With(wanted)
		whole, _ = whole.Apply(catalog.Catalog{}.Diff(now))
		requireSame(t, fmt.Sprintf("seed %d", seed), folded, whole)
	}
}

func brings(b Batch, n Name) bool {
	for _, one := range b.Set {
		if one.Name == n {
			return true
		}
	}
	return false
}

// TestOnlyWhosePolicyIsAnotherIsBuiltAgain when the operator changes his mind, or an entry changes.
func TestOnlyWhosePolicyIsAnotherIsBuiltAgain(t *testing.T) {
	d := fleet(50)
	parse := func(text string) policy.Policies {
		p, err := policy.Parse([]policy.File{{Name: "policy.yaml", Content: []byte(text)}})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	r, _ := New(testConfig()).Apply(d)
	counting := &countingRules{rules: r.rules, built: map[unit]int{}}
	r.rules = counting
	for _, c := range []struct {
		what  string
		next  func(Resources) Resources
		built int
		sent  int
	}{
		{"a rule for ten services", func(r Resources) Resources {
			r, _ = r.With(parse("services:\n- {match: {names: [service-0001*]}, protocol: grpc}\n"))
			return r
		}, 10, 20},
		{"the same in other words", func(r Resources) Resources {
			r, _ = r.With(parse("defaults: {connect_timeout: 5000ms}\nservices:\n- {match: {names: [service-0001*], filter: 'Service.Port == 8080'}, protocol: grpc}\n"))
			return r
		}, 0, 0},
		{"a setting of a balancer that is not in force", func(r Resources) Resources {
			r, _ = r.With(parse("services:\n- {match: {names: [service-0001*]}, protocol: grpc, maglev: {table_size: 11}}\n"))
			return r
		}, 10, 0},
		{"an entry of one service", func(r Resources) Resources {
			r, _ = r.Apply(catalog.Delta{Entries: []catalog.Entry{{Key: catalog.EntryKey{Kind: catalog.ServiceDefaults, Name: "service-00007"}, Protocol: "http2"}}})
			return r
		}, 1, 2},
		{"an entry that the operator overrules", func(r Resources) Resources {
			r, _ = r.Apply(catalog.Delta{Entries: []catalog.Entry{{Key: catalog.EntryKey{Kind: catalog.ServiceDefaults, Name: "service-00011"}, Protocol: "http2"}}})
			return r
		}, 0, 0},
		{"everybody's entry: those of whom nothing stronger is said", func(r Resources) Resources {
			r, _ = r.Apply(catalog.Delta{Entries: []catalog.Entry{{Key: catalog.EntryKey{Kind: catalog.ProxyDefaults, Name: catalog.GlobalEntry}, Protocol: "http2"}}})
			return r
		}, 39, 78},
	} {
		clear(counting.built)
		next := c.next(r)
		batch := next.Diff(r)
		if len(counting.built) != c.built || len(batch.Set) != c.sent || len(batch.Gone) > 0 {
			t.Errorf("%s: %d built, %d sent, %d gone; want %d and %d", c.what, len(counting.built), len(batch.Set), len(batch.Gone), c.built, c.sent)
		}
		r = next
	}
}
