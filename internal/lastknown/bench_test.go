package lastknown

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"legate/discovery"
)

// large is 10,000 services of ten instances each.
func large() discovery.Catalog {
	c := discovery.Catalog{}
	for i := range 10_000 {
		name := fmt.Sprintf("service-%05d", i)
		c[key(name)] = catalog(10, name)[key(name)]
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

// What a change costs on its way: the rest is the keeper's own time.
func BenchmarkNote(b *testing.B) {
	k := &keeper{wake: make(chan struct{}, 1)}
	d := discovery.Delta{Set: []discovery.Service{catalog(10, "shop")[key("shop")]}}
	for b.Loop() {
		k.note(d)
	}
}
