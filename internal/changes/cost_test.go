package changes

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"legate/discovery/catalog"
)

// serviceOf is one of very many services, with instances whose texts nobody else has.
func serviceOf(n, instances int) catalog.Service {
	s := catalog.Service{Key: catalog.ServiceKey{Datacenter: "dc1", Name: fmt.Sprintf("service-%05d", n)}}
	for i := range instances {
		s.Instances = append(s.Instances, catalog.Instance{
			Node: fmt.Sprintf("node-%03d", i), ID: fmt.Sprintf("%s-%03d", s.Key.Name, i), Address: fmt.Sprintf("10.0.%d.%d", n%250, i%250), Port: 8080,
			Weights: catalog.Weights{Passing: 1, Warning: 1}, Meta: map[string]string{"version": "1.2.3", "team": "shop"}, Tags: []string{"blue", "v1"},
			Checks: []catalog.Check{{ID: "serfHealth", Status: "passing", Node: true}, {ID: "http", Status: "passing"}},
		})
	}
	return s
}

// failed is the service with one instance that fails.
func failed(s catalog.Service, which int) catalog.Service {
	s.Instances = slices.Clone(s.Instances)
	i := &s.Instances[which]
	i.Health, i.Checks = catalog.Critical, slices.Clone(i.Checks)
	i.Checks[1].Status = "critical"
	return s
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// A full record takes about what it counts, whatever the changes are: services of which one instance fails, as many as
// there is room for, or changes of many lines, with long texts. It keeps nothing of the services it was made from.
func TestAFullRecordTakesLittleMemory(t *testing.T) {
	const most = 8 << 20 // of 20 MB that all that explains may take at 10,000 services
	for what, change := range map[string]func(n int) Change{
		"an instance fails": func(n int) Change {
			was := serviceOf(n, 8)
			is := failed(was, n%8)
			return OfService(&was, &is)
		},
		"many instances come": func(n int) Change {
			is := serviceOf(n, 40)
			return OfService(nil, &is)
		},
		"long texts": func(n int) Change {
			is := serviceOf(n, 30)
			for i := range is.Instances {
				is.Instances[i].Tags = []string{strings.Repeat("x", 1000+n%10), strings.Repeat("y", 10_000)}
			}
			return OfService(nil, &is)
		},
	} {
		before := heap()
		r := New()
		for n := 0; r.last == uint64(len(r.kept)-r.from); n++ { // until it has forgotten one
			r.Add(change(n))
		}
		takes := heap() - before
		t.Logf("%s: %d changes, which count as %d bytes, take %d", what, len(r.kept)-r.from, r.bytes, takes)
		if takes > most {
			t.Errorf("%s: a full record takes %d bytes, and counts %d", what, takes, r.bytes)
		}
		runtime.KeepAlive(r)
	}
}

// BenchmarkRecord records that one instance of eight fails, in a record that is full; "followed": with a reader who gets
// each change as it comes.
func BenchmarkRecord(b *testing.B) {
	was := serviceOf(1, 8)
	is := failed(was, 5)
	for _, how := range []string{"compared", "added", "followed"} {
		b.Run(how, func(b *testing.B) {
			r := New()
			for range maxChanges {
				r.Add(OfService(&was, &is))
			}
			after := r.Newest()
			b.ReportAllocs()
			for b.Loop() {
				c := OfService(&was, &is)
				if how == "compared" {
					continue
				}
				r.Add(c)
				if how == "followed" {
					after = r.After(after, Query{}).Next
				}
			}
		})
	}
}
