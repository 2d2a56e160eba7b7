package translate

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"legate/discovery/catalog"
)

// TestViewsShareWhatIsEqual: two views of one catalog are what each would be alone, and hold inputs and
// equal resources once. One of the two resolves host names, so some clusters are equal and some are not.
func TestViewsShareWhatIsEqual(t *testing.T) {
	other := testConfig()
	other.Resolved = false
	equal, different := 0, 0
	for seed := range uint64(80) {
		r := rand.New(rand.NewPCG(seed, 8))
		now := randomCatalog(r)
		one, _ := empty().Apply(catalog.Catalog{}.Diff(now))
		two := one.View(other)
		for step := range 4 {
			whole, _ := New(other).Apply(catalog.Catalog{}.Diff(now))
			requireSame(t, fmt.Sprintf("seed %d, step %d", seed, step), two, whole)
			if one.inputs.services != two.inputs.services || one.inputs.entries != two.inputs.entries {
				t.Fatalf("seed %d: the inputs are held twice", seed)
			}
			mine := held(one)
			for name, its := range held(two) {
				if mine[name].Version != its.Version {
					different++
				} else if equal++; &mine[name].Value[0] != &its.Value[0] {
					t.Fatalf("seed %d, step %d: %v is equal, and held twice", seed, step, name)
				}
			}
			d := now.Diff(randomCatalog(r))
			now = now.Apply(d)
			one, _ = one.Apply(d)
			two, _ = two.Apply(d, one)
		}
	}
	if equal < 100 || different < 100 {
		t.Errorf("%d equal resources and %d different ones: this shows too little", equal, different)
	}
}
