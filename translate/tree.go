package translate

import (
	"crypto/sha256"
	"encoding/binary"
	"iter"
)

// tree is a persistent sorted map: a treap (Seidel and Aragon, 1996) whose priorities are hashes
// of the keys, so that its shape depends on its keys alone. A change copies the path to what it
// changes, about 2 ln n nodes, and shares all else with the tree before. Two trees are compared
// by skipping what they share. The empty tree is nil.
type tree[K ordered[K], V element[K]] struct {
	value       V
	priority    uint64
	left, right *tree[K, V]
}

type ordered[K any] interface{ Compare(K) int }

// element is a pointer to a value that knows its key, and that is never changed.
type element[K any] interface {
	comparable
	key() K
	appendKey([]byte) []byte // appends the key as bytes
}

// get returns the element with the key; nil if there is none.
func (t *tree[K, V]) get(k K) (v V) {
	for t != nil {
		switch c := k.Compare(t.value.key()); {
		case c == 0:
			return t.value
		case c < 0:
			t = t.left
		default:
			t = t.right
		}
	}
	return v
}

// with returns t with the values, which are sorted by key, in the place of what had their keys.
func (t *tree[K, V]) with(values []V) *tree[K, V] { return union(t, treeOf(values)) }

// treeOf makes a tree of sorted values, in linear time. The spine is the path from the root to
// the rightmost node, which is where the next value belongs.
func treeOf[K ordered[K], V element[K]](values []V) *tree[K, V] {
	spine := make([]*tree[K, V], 0, 64)
	for _, v := range values {
		next := &tree[K, V]{value: v, priority: priorityOf(v)}
		top := len(spine)
		for top > 0 && above(next, spine[top-1]) {
			top--
		}
		if top < len(spine) {
			next.left = spine[top]
		}
		if top > 0 {
			spine[top-1].right = next
		}
		spine = append(spine[:top], next)
	}
	if len(spine) == 0 {
		return nil
	}
	return spine[0]
}

// union has the elements of both trees; of two with the same key, b's.
func union[K ordered[K], V element[K]](a, b *tree[K, V]) *tree[K, V] {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case above(a, b):
		left, _, right := b.split(a.value.key()) // an equal key has an equal priority: it is not below
		return a.node(union(a.left, left), union(a.right, right))
	default:
		left, _, right := a.split(b.value.key())
		return b.node(union(left, b.left), union(right, b.right))
	}
}

// node is t with other children.
func (t *tree[K, V]) node(left, right *tree[K, V]) *tree[K, V] {
	if left == t.left && right == t.right {
		return t
	}
	return &tree[K, V]{t.value, t.priority, left, right}
}

// without returns t without the key; it is t itself if the key is not there.
func (t *tree[K, V]) without(k K) *tree[K, V] {
	if t == nil {
		return nil
	}
	switch c := k.Compare(t.value.key()); {
	case c == 0:
		return join(t.left, t.right)
	case c < 0:
		return t.node(t.left.without(k), t.right)
	default:
		return t.node(t.left, t.right.without(k))
	}
}

// join makes one tree of two, where all keys of a are below those of b.
func join[K ordered[K], V element[K]](a, b *tree[K, V]) *tree[K, V] {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case above(a, b):
		return a.node(a.left, join(a.right, b))
	default:
		return b.node(join(a, b.left), b.right)
	}
}

// split returns what is below the key, what has it (or nil), and what is above it.
func (t *tree[K, V]) split(k K) (left *tree[K, V], at V, right *tree[K, V]) {
	if t == nil {
		return nil, at, nil
	}
	switch c := k.Compare(t.value.key()); {
	case c == 0:
		return t.left, t.value, t.right
	case c < 0:
		left, at, right = t.left.split(k)
		return left, at, t.node(right, t.right)
	default:
		left, at, right = t.right.split(k)
		return t.node(t.left, left), at, right
	}
}

// above reports whether a's root belongs over b's.
func above[K ordered[K], V element[K]](a, b *tree[K, V]) bool {
	return a.priority > b.priority || a.priority == b.priority && a.value.key().Compare(b.value.key()) < 0
}

// compare calls changed for each key whose element differs, in order; a missing element is nil.
// What both trees share is skipped.
func compare[K ordered[K], V element[K]](from, to *tree[K, V], changed func(from, to V)) {
	if from == to {
		return
	}
	if from == nil || to != nil && above(to, from) {
		left, at, right := from.split(to.value.key())
		compare(left, to.left, changed)
		if at != to.value {
			changed(at, to.value)
		}
		compare(right, to.right, changed)
		return
	}
	left, at, right := to.split(from.value.key())
	compare(from.left, left, changed)
	if at != from.value {
		changed(from.value, at)
	}
	compare(from.right, right, changed)
}

// all yields the elements in order.
func (t *tree[K, V]) all() iter.Seq[V] {
	return func(yield func(V) bool) { t.walk(nil, yield) }
}

// from yields the elements whose keys are not below k, in order.
func (t *tree[K, V]) from(k K) iter.Seq[V] {
	return func(yield func(V) bool) { t.walk(&k, yield) }
}

// walk reports whether it went to the end.
func (t *tree[K, V]) walk(from *K, yield func(V) bool) bool {
	if t == nil {
		return true
	}
	if from != nil && (*from).Compare(t.value.key()) > 0 {
		return t.right.walk(from, yield)
	}
	return t.left.walk(from, yield) && yield(t.value) && t.right.walk(nil, yield)
}

func priorityOf[K any, V element[K]](v V) uint64 {
	sum := sha256.Sum256(v.appendKey(make([]byte, 0, 256)))
	return binary.BigEndian.Uint64(sum[:])
}

func appendStrings(b []byte, parts ...string) []byte {
	for _, s := range parts {
		b = append(append(b, s...), 0)
	}
	return b
}
