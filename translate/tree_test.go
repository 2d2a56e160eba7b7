package translate

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"legate/discovery/catalog"
)

// TestTreeIsAMap does random changes to a tree and to a Go map, and compares all that a tree can say.
func TestTreeIsAMap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var tr *tree
	model := map[catalog.ServiceKey]*entry{}
	for range 3000 {
		before, beforeModel := tr, maps.Clone(model)
		for range 1 + r.IntN(3) {
			k := own(strconv.Itoa(r.IntN(60)))
			if r.IntN(2) == 0 {
				e := &entry{key: k, problems: make([]Problem, r.IntN(2))}
				tr, model[k] = tr.set(e), e
			} else {
				tr = tr.remove(k)
				delete(model, k)
			}
		}
		requireTree(t, tr, model)
		requireTree(t, before, beforeModel) // an older value is never changed

		told := maps.Clone(beforeModel)
		compare(before, tr, func(from, to *entry) {
			if from == to {
				t.Fatal("told of no change")
			}
			if to != nil {
				told[to.key] = to
			} else {
				delete(told, from.key)
			}
		})
		if !maps.Equal(told, model) {
			t.Fatal("compare did not tell the changes")
		}
	}
}

func requireTree(t *testing.T, tr *tree, model map[catalog.ServiceKey]*entry) {
	t.Helper()
	var walked, troubled []*entry
	tr.walk(func(e *entry) bool { walked = append(walked, e); return true })
	tr.walkProblems(func(e *entry) { troubled = append(troubled, e) })
	want := slices.SortedFunc(maps.Values(model), func(a, b *entry) int { return a.key.Compare(b.key) })
	if !slices.Equal(walked, want) {
		t.Fatalf("walks %d entries, want %d, or in another order", len(walked), len(want))
	}
	if bad := slices.DeleteFunc(want, func(e *entry) bool { return len(e.problems) == 0 }); !slices.Equal(troubled, bad) || tr.count() != len(bad) {
		t.Fatalf("finds %d entries with problems and counts %d, want %d", len(troubled), tr.count(), len(bad))
	}
	for i := range 60 {
		if k := own(strconv.Itoa(i)); tr.get(k) != model[k] {
			t.Fatalf("get %v", k)
		}
	}
}

// TestTreeHasOneShapeForItsKeys is what makes comparing two trees cheap, and their depth
// independent of the order in which services came.
func TestTreeHasOneShapeForItsKeys(t *testing.T) {
	var rising, falling *tree
	const n = 10_000
	for i := range n {
		rising = rising.set(&entry{key: own(strconv.Itoa(i))})
		falling = falling.set(&entry{key: own(strconv.Itoa(n - 1 - i))})
	}
	for i := n; i < n+500; i++ {
		rising = rising.set(&entry{key: own(strconv.Itoa(i))})
	}
	for i := n; i < n+500; i++ {
		rising = rising.remove(own(strconv.Itoa(i)))
	}
	if !sameShape(rising, falling) {
		t.Error("two trees of the same keys have different shapes")
	}
	if d := depth(rising); d > 50 {
		t.Errorf("%d keys lie %d deep", n, d)
	}
}

// TestComparingCostsWhatChanged: a tree and the one a change later are compared without looking
// at what they share. Looking at all of it takes hundreds of times as long; ten times is asked.
func TestComparingCostsWhatChanged(t *testing.T) {
	var tr, twin *tree
	for i := range 10_000 {
		e := &entry{key: own(strconv.Itoa(i))}
		tr, twin = tr.set(e), twin.set(e)
	}
	next := tr.set(&entry{key: own("4321")})
	if whole, one := fastest(t, twin, next), fastest(t, tr, next); one*10 > whole {
		t.Errorf("comparing takes %v for one change and %v for all 10,000 entries", one, whole)
	}
}

// fastest is the shortest of some comparisons of two trees that differ in one entry.
func fastest(t *testing.T, from, to *tree) time.Duration {
	best := time.Hour
	for range 20 {
		begin, changes := time.Now(), 0
		compare(from, to, func(*entry, *entry) { changes++ })
		best = min(best, time.Since(begin))
		if changes != 1 {
			t.Fatalf("%d changes, want 1", changes)
		}
	}
	return best
}

func sameShape(a, b *tree) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.key == b.key && sameShape(a.left, b.left) && sameShape(a.right, b.right)
}

func depth(t *tree) int {
	if t == nil {
		return 0
	}
	return 1 + max(depth(t.left), depth(t.right))
}
