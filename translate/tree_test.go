package translate

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"
)

// number is an element of a tree under test.
type number struct{ n, revision int }

type numberKey int

func (k numberKey) Compare(o numberKey) int { return cmp.Compare(k, o) }
func (n *number) key() numberKey            { return numberKey(n.n) }
func (n *number) appendKey(b []byte) []byte { return strconv.AppendInt(b, int64(n.n), 10) }

type numbers = tree[numberKey, *number]

// TestTreeIsAMap does random changes to a tree and to a Go map, and compares all that a tree can say.
func TestTreeIsAMap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var tr *numbers
	model := map[numberKey]*number{}
	for revision := range 1000 {
		before, beforeModel := tr, maps.Clone(model)
		var set []*number
		for n := range 60 {
			switch k := numberKey(n); r.IntN(40) {
			case 0:
				set = append(set, &number{n, revision})
				model[k] = set[len(set)-1]
			case 1:
				tr = tr.without(k)
				delete(model, k)
			}
		}
		tr = tr.with(set)
		requireTree(t, tr, model)
		requireTree(t, before, beforeModel) // an older value is never changed

		told := maps.Clone(beforeModel)
		last := numberKey(-1)
		compare(before, tr, func(from, to *number) {
			if from == to {
				t.Fatal("told of no change")
			}
			k := cmp.Or(to, from).key()
			if k <= last {
				t.Fatalf("told of %d after %d", k, last)
			}
			if last = k; to != nil {
				told[k] = to
			} else {
				delete(told, k)
			}
		})
		if !maps.Equal(told, model) {
			t.Fatal("compare did not tell the changes")
		}
	}
}

func requireTree(t *testing.T, tr *numbers, model map[numberKey]*number) {
	t.Helper()
	want := slices.SortedFunc(maps.Values(model), func(a, b *number) int { return a.key().Compare(b.key()) })
	if got := slices.Collect(tr.all()); !slices.Equal(got, want) {
		t.Fatalf("has %d elements, want %d, or in another order", len(got), len(want))
	}
	for k := range numberKey(60) {
		if tr.get(k) != model[k] {
			t.Fatalf("get %v", k)
		}
		at, _ := slices.BinarySearchFunc(want, k, func(n *number, k numberKey) int { return n.key().Compare(k) })
		if got := slices.Collect(tr.from(k)); !slices.Equal(got, want[at:]) {
			t.Fatalf("from %d on there are %d elements, want %d", k, len(got), len(want)-at)
		}
	}
	for k := range tr.all() {
		for n := range tr.from(k.key()) {
			if n != k {
				t.Fatal("a walk begins elsewhere")
			}
			break
		}
	}
}

// TestTreeHasOneShapeForItsKeys is what makes comparing two trees cheap, and their depth
// independent of the order in which elements came: one by one or all at once.
func TestTreeHasOneShapeForItsKeys(t *testing.T) {
	var rising, falling *numbers
	const n = 10_000
	var all []*number
	for i := range n {
		rising = rising.with([]*number{{n: i}})
		falling = falling.with([]*number{{n: n - 1 - i}})
		all = append(all, &number{n: i})
	}
	for i := n; i < n+500; i++ {
		rising = rising.with([]*number{{n: i}})
	}
	for i := n; i < n+500; i++ {
		rising = rising.without(numberKey(i))
	}
	var odd, even []*number
	for i, one := range all {
		if i%2 == 0 {
			even = append(even, one)
		} else {
			odd = append(odd, one)
		}
	}
	for what, other := range map[string]*numbers{
		"falling": falling, "at once": treeOf(all), "two halves": treeOf(odd).with(even), "on top of itself": treeOf(all).with(odd),
	} {
		if !sameShape(rising, other) {
			t.Errorf("%s: two trees of the same keys have different shapes", what)
		}
	}
	rest := rising
	for _, one := range odd {
		rest = rest.without(one.key())
	}
	if !sameShape(rest, treeOf(even)) {
		t.Error("a tree from which keys were removed has another shape")
	}
	if d := depth(rising); d > 50 {
		t.Errorf("%d keys lie %d deep", n, d)
	}
}

// TestComparingCostsWhatChanged: a tree and the one a change later are compared without looking
// at what they share. Looking at all of it takes hundreds of times as long; ten times is asked.
func TestComparingCostsWhatChanged(t *testing.T) {
	var tr, twin *numbers
	for i := range 10_000 {
		one := []*number{{n: i}}
		tr, twin = tr.with(one), twin.with(one)
	}
	next := tr.with([]*number{{n: 4321}})
	if whole, one := fastest(t, twin, next), fastest(t, tr, next); one*10 > whole {
		t.Errorf("comparing takes %v for one change and %v for all 10,000 elements", one, whole)
	}
}

// TestNamesSpreadOverATree: the trees of a catalog of 2,000 services whose names are alike are as flat.
func TestNamesSpreadOverATree(t *testing.T) {
	whole := fleet(2000)
	for i := range whole.Set {
		whole.Set[i].Instances = nil
	}
	r, _ := empty().Apply(whole)
	if inputs, cells := depth(r.inputs.services), depth(r.cells); inputs > 50 || cells > 50 {
		t.Errorf("2,000 services lie %d deep, and what they became %d", inputs, cells)
	}
}

// fastest is the shortest of some comparisons of two trees that differ in one element.
func fastest(t *testing.T, from, to *numbers) time.Duration {
	best := time.Hour
	for range 20 {
		begin, changes := time.Now(), 0
		compare(from, to, func(*number, *number) { changes++ })
		best = min(best, time.Since(begin))
		if changes != 1 {
			t.Fatalf("%d changes, want 1", changes)
		}
	}
	return best
}

func sameShape[K ordered[K], V element[K]](a, b *tree[K, V]) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.value.key().Compare(b.value.key()) == 0 && sameShape(a.left, b.left) && sameShape(a.right, b.right)
}

func depth[K ordered[K], V element[K]](t *tree[K, V]) int {
	if t == nil {
		return 0
	}
	return 1 + max(depth(t.left), depth(t.right))
}
