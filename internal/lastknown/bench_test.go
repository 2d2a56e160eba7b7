package lastknown

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"legate/discovery/catalog"
)

// large returns 10,000 services with ten instances each.
func large() catalog.Catalog {
	c := catalog.New()
	for i := range 10_000 {
		name := fmt.Sprintf("service-%05d", i)
		c.Services[key(name)] = catalogOf(10, name).Services[key(name)]
	}
	return c
}

func BenchmarkStore(b *testing.B) {
	c, path := large(), filepath.Join(b.TempDir(), fileName)
	for b.Loop() {
		if err := store(system{}, path, header, c); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	path := filepath.Join(b.TempDir(), fileName)
	if err := store(system{}, path, header, large()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := load(path, scope, time.Hour, header.Believed); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAdd measures what a change pays on the hot path. All else happens in the keeper's
// goroutine.
func BenchmarkAdd(b *testing.B) {
	k := &keeper{wake: make(chan struct{}, 1)}
	d := catalog.Delta{Set: []catalog.Service{catalogOf(10, "shop").Services[key("shop")]}}
	for b.Loop() {
		k.add(d)
	}
}
