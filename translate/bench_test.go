package translate

import (
	"fmt"
	"testing"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

// fleet is a catalog of so many services with eight healthy instances each.
func fleet(services int) catalog.Delta {
	d := catalog.Delta{Set: make([]catalog.Service, services)}
	for s := range d.Set {
		d.Set[s] = eight(s)
	}
	return d
}

func eight(s int) catalog.Service {
	service := catalog.Service{Key: catalog.ServiceKey{Datacenter: "dc1", Name: fmt.Sprintf("service-%05d", s)}}
	for i := range 8 {
		service.Instances = append(service.Instances, catalog.Instance{
			ID: fmt.Sprintf("s-%d", i), Node: fmt.Sprintf("node-%d", i),
			Address: fmt.Sprintf("10.%d.%d.%d", s>>8, s&255, i+1), Port: 8080,
			Weights: catalog.Weights{Passing: 1, Warning: 1},
		})
	}
	return service
}

func empty() Resources { return New(testConfig()) }

func testConfig() Config {
	c := DefaultConfig()
	c.Datacenter = "dc1"
	return c
}

func BenchmarkWholeCatalog(b *testing.B) {
	whole := fleet(10_000)
	b.ReportAllocs()
	for b.Loop() {
		r, _ := empty().Apply(whole)
		r.Diff(empty())
	}
}

// BenchmarkOneServiceOf10000 flips the health of one instance in a catalog of 10,000 services.
func BenchmarkOneServiceOf10000(b *testing.B) {
	r, _ := empty().Apply(fleet(10_000))
	changes := [2]catalog.Delta{{Set: []catalog.Service{eight(4321)}}, {Set: []catalog.Service{eight(4321)}}}
	changes[1].Set[0].Instances[3].Health = catalog.Critical
	b.ReportAllocs()
	for n := 1; b.Loop(); n++ {
		next, _ := r.Apply(changes[n%2])
		if batch := next.Diff(r); len(batch.Set) != 1 {
			b.Fatalf("changed %d resources, want the assignment only", len(batch.Set))
		}
		r = next
	}
}

// BenchmarkANewDefault changes a default of 10,000 services, to and fro.
func BenchmarkANewDefault(b *testing.B) {
	r, _ := empty().Apply(fleet(10_000))
	var policies [2]policy.Policies
	for n := range policies {
		var err error
		if policies[n], err = policy.Parse([]policy.File{{Name: "policy.yaml", Content: fmt.Appendf(nil, "defaults: {connect_timeout: %ds}\n", n+1)}}); err != nil {
			b.Fatal(err)
		}
	}
	for n := 0; b.Loop(); n++ {
		next, _ := r.With(policies[n%2])
		if batch := next.Diff(r); len(batch.Set) != 20_000 {
			b.Fatalf("changed %d resources", len(batch.Set))
		}
		r = next
	}
}
