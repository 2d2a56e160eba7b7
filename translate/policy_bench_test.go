package translate

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

// hundredRules are defaults and a hundred rules, of which the last one is for all services of a fleet.
func hundredRules(t testing.TB, connect string) policy.Policies {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "defaults: {connect_timeout: %s, circuit_breakers: {max_connections: 500}}\nservices:\n", connect)
	for n := range 99 {
		fmt.Fprintf(&b, "- {match: {names: ['team-%02d-*']}, idle_timeout: 5m}\n", n)
	}
	b.WriteString("- {match: {names: ['service-*']}, outlier_detection: {enabled: true, interval: 5s}}\n")
	p, err := policy.Parse([]policy.File{{Name: "policy.yaml", Content: []byte(b.String())}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// owned is a service whose owner says something, too.
func owned(n int) catalog.Service {
	s := eight(n)
	for i := range s.Instances {
		s.Instances[i].Meta = map[string]string{"legate-lb-policy": "least_request", "version": "1"}
	}
	return s
}

// layered is a fleet of which all five sources say something.
func layered(services int) catalog.Delta {
	d := catalog.Delta{Entries: []catalog.Entry{{Key: catalog.EntryKey{Kind: catalog.ProxyDefaults, Name: catalog.GlobalEntry}, Protocol: "http2"}}}
	for n := range services {
		s := owned(n)
		d.Set = append(d.Set, s)
		d.Entries = append(d.Entries, catalog.Entry{Key: catalog.EntryKey{Kind: catalog.ServiceResolver, Name: s.Key.Name}, ConnectTimeout: 3 * time.Second})
	}
	return d
}

// BenchmarkOneServiceOf10000WithPolicy is BenchmarkOneServiceOf10000 with policy from all five sources and a
// hundred rules, in turns with it. Wanted is at most twice as much time.
func BenchmarkOneServiceOf10000WithPolicy(b *testing.B) {
	plain, _ := empty().Apply(fleet(10_000))
	said, _ := empty().With(hundredRules(b, "2s"))
	said, _ = said.Apply(layered(10_000))
	without, with := flipping(plain, eight), flipping(said, owned)
	for b.Loop() {
		without.flip(b)
		with.flip(b)
	}
	per := func(f *flips) float64 { return float64(f.took.Nanoseconds()) / float64(f.n) }
	b.ReportMetric(per(without), "ns-without")
	b.ReportMetric(per(with), "ns-with")
	b.ReportMetric(per(with)/per(without), "ratio")
}

// flips turn one instance critical and back.
type flips struct {
	r       Resources
	changes [2]catalog.Delta
	n       int
	took    time.Duration
}

func flipping(r Resources, service func(n int) catalog.Service) *flips {
	f := &flips{r: r, changes: [2]catalog.Delta{{Set: []catalog.Service{service(4321)}}, {Set: []catalog.Service{service(4321)}}}}
	f.changes[0].Set[0].Instances[3].Health = catalog.Critical
	return f
}

func (f *flips) flip(b *testing.B) {
	began := time.Now()
	next, _ := f.r.Apply(f.changes[f.n%2])
	batch := next.Diff(f.r)
	f.took += time.Since(began)
	if len(batch.Set) != 1 {
		b.Fatalf("changed %d resources, want the assignment only", len(batch.Set))
	}
	f.r = next
	f.n++
}
