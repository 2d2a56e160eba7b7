package translate

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

// BenchmarkMemoryOf10000Policies measures what 10,000 services hold that have a policy of their own each, and what
// they hold without policies: the values and resources, after garbage collection. distinct says where the policies
// come from. Wanted is at most 1.3 times as much.
func BenchmarkMemoryOf10000Policies(b *testing.B) {
	for _, from := range []struct {
		name  string
		entry func(n int) []catalog.Entry
		rules func(n int) string

		before, meta string // how keys of the meta begin: they are there without policies, too, and say nothing there
	}{
		{name: "entries", entry: func(n int) []catalog.Entry {
			name := eight(n).Key.Name
			return []catalog.Entry{
				{Key: catalog.EntryKey{Kind: catalog.ServiceDefaults, Name: name}, Protocol: "http2"},
				{Key: catalog.EntryKey{Kind: catalog.ServiceResolver, Name: name}, ConnectTimeout: 3*time.Second + time.Duration(n)*time.Millisecond},
			}
		}},
		{name: "rules", rules: func(n int) string {
			return fmt.Sprintf("- {match: {names: [%s]}, connect_timeout: %dms, circuit_breakers: {max_connections: %d, max_requests: %d}, outlier_detection: {enabled: true, consecutive_5xx: 7}}\n", eight(n).Key.Name, 3000+n, 500+n, 700+n)
		}},
		{name: "owners", before: "agency-", meta: "legate-"},
	} {
		b.Run(from.name, func(b *testing.B) {
			for b.Loop() {
				without := retained(func() any {
					r, _ := empty().Apply(plainly(nil, from.before))
					return r
				})
				with := retained(func() any {
					r := empty()
					if from.rules != nil {
						r, _ = r.With(ruled(b, from.rules))
					}
					r, _ = r.Apply(plainly(from.entry, from.meta))
					return r
				})
				b.ReportMetric(without/10_000, "B/service-without")
				b.ReportMetric(with/10_000, "B/service-with")
				b.ReportMetric(with/without, "ratio")
			}
		})
	}
}

// plainly is a fleet, of which Consul's entries, or the owners, say something.
func plainly(entries func(n int) []catalog.Entry, meta string) catalog.Delta {
	d := fleet(10_000)
	for n := range d.Set {
		if entries != nil {
			d.Entries = append(d.Entries, entries(n)...)
		}
		for i := range d.Set[n].Instances {
			if meta != "" {
				d.Set[n].Instances[i].Meta = map[string]string{meta + "connect-timeout": fmt.Sprintf("%dms", 3000+n), meta + "protocol": "http2"}
			}
		}
	}
	return d
}

// ruled are policies with a rule for each of 10,000 services.
func ruled(t testing.TB, rule func(n int) string) policy.Policies {
	t.Helper()
	var file strings.Builder
	file.WriteString("services:\n")
	for n := range 10_000 {
		file.WriteString(rule(n))
	}
	p, err := policy.Parse([]policy.File{{Name: "policy.yaml", Content: []byte(file.String())}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// retained is how many bytes a value holds that nothing else does.
func retained(value func() any) float64 {
	before := live()
	v := value()
	after := live()
	runtime.KeepAlive(v)
	return after - before
}

func live() float64 {
	runtime.GC()
	runtime.GC() // what had a finalizer
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
