package translate

import (
	"crypto/sha256"
	"encoding/binary"

	"legate/discovery/catalog"
)

// tree is a persistent sorted map of entries: a treap (Seidel and Aragon, 1996) whose
// priorities are hashes of the keys, so that its shape depends on its keys alone. A change
// copies the path to it, about 2 ln n nodes, and shares all else with the tree before; two
// trees are compared by skipping what they share. The empty tree is nil.
type tree struct {
	*entry
	priority    uint64
	left, right *tree
	total       int // of problems in the whole tree
}

func newTree(e *entry, priority uint64, left, right *tree) *tree {
	return &tree{e, priority, left, right, left.count() + len(e.problems) + right.count()}
}

// count is the number of problems in t.
func (t *tree) count() int {
	if t == nil {
		return 0
	}
	return t.total
}

func (t *tree) with(left, right *tree) *tree { return newTree(t.entry, t.priority, left, right) }

func (t *tree) get(k catalog.ServiceKey) *entry {
	for t != nil {
		switch c := k.Compare(t.key); {
		case c == 0:
			return t.entry
		case c < 0:
			t = t.left
		default:
			t = t.right
		}
	}
	return nil
}

// set returns t with e, in the place of what had its key.
func (t *tree) set(e *entry) *tree { return t.insert(e, priorityOf(e.key)) }

func (t *tree) insert(e *entry, priority uint64) *tree {
	if t == nil {
		return newTree(e, priority, nil, nil)
	}
	switch c := e.key.Compare(t.key); {
	case c == 0:
		return newTree(e, priority, t.left, t.right)
	case priority > t.priority || priority == t.priority && c < 0: // so its key is not in t
		left, _, right := t.split(e.key)
		return newTree(e, priority, left, right)
	case c < 0:
		return t.with(t.left.insert(e, priority), t.right)
	default:
		return t.with(t.left, t.right.insert(e, priority))
	}
}

// remove returns t without the key; it is t itself if the key is not there.
func (t *tree) remove(k catalog.ServiceKey) *tree {
	if t == nil {
		return nil
	}
	switch c := k.Compare(t.key); {
	case c == 0:
		return join(t.left, t.right)
	case c < 0:
		if left := t.left.remove(k); left != t.left {
			return t.with(left, t.right)
		}
	default:
		if right := t.right.remove(k); right != t.right {
			return t.with(t.left, right)
		}
	}
	return t
}

// join makes one tree of two, where all keys of a are below those of b.
func join(a, b *tree) *tree {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case above(a, b):
		return a.with(a.left, join(a.right, b))
	default:
		return b.with(join(a, b.left), b.right)
	}
}

// split returns what is below the key, what has it (or nil), and what is above it.
func (t *tree) split(k catalog.ServiceKey) (below *tree, at *entry, over *tree) {
	if t == nil {
		return nil, nil, nil
	}
	switch c := k.Compare(t.key); {
	case c == 0:
		return t.left, t.entry, t.right
	case c < 0:
		below, at, over = t.left.split(k)
		return below, at, t.with(over, t.right)
	default:
		below, at, over = t.right.split(k)
		return t.with(t.left, below), at, over
	}
}

// above reports whether a's root belongs over b's.
func above(a, b *tree) bool {
	return a.priority > b.priority || a.priority == b.priority && a.key.Compare(b.key) < 0
}

// compare calls changed for each key whose entry differs, in order; a missing entry is nil.
// What both trees share is skipped.
func compare(from, to *tree, changed func(from, to *entry)) {
	if from == to {
		return
	}
	if from == nil || to != nil && above(to, from) {
		below, at, over := from.split(to.key)
		compare(below, to.left, changed)
		if at != to.entry {
			changed(at, to.entry)
		}
		compare(over, to.right, changed)
		return
	}
	below, at, over := to.split(from.key)
	compare(from.left, below, changed)
	if at != from.entry {
		changed(from.entry, at)
	}
	compare(from.right, over, changed)
}

// walk calls yield for each entry in order, and reports whether it went to the end.
func (t *tree) walk(yield func(*entry) bool) bool {
	return t == nil || t.left.walk(yield) && yield(t.entry) && t.right.walk(yield)
}

// walkProblems is walk for the entries that have problems, and costs what those cost.
func (t *tree) walkProblems(yield func(*entry)) {
	if t.count() == 0 {
		return
	}
	t.left.walkProblems(yield)
	if len(t.problems) > 0 {
		yield(t.entry)
	}
	t.right.walkProblems(yield)
}

func priorityOf(k catalog.ServiceKey) uint64 {
	buf := make([]byte, 0, 128)
	for _, s := range [...]string{k.Datacenter, k.Peer, k.Name} {
		buf = append(append(buf, s...), 0)
	}
	sum := sha256.Sum256(buf)
	return binary.BigEndian.Uint64(sum[:])
}
