package translate

import (
	"cmp"
	"slices"
)

// A secret is what several units can have: those whose policies name the same files. Its name says all that
// it holds, so all of them have the same. It is there as long as one of them has it.

// isShared reports whether several units can have a resource of that type under one name.
func isShared(typeURL string) bool { return typeURL == SecretType }

// holders is the index of the shared resources that units have, by name.
type holders struct {
	all *tree[holding, *holder]
}

// holding says that a unit has the shared resource of a name.
type holding struct {
	name string
	unit unit
}

// holder is a holding with the resource, as an element of a tree.
type holder struct {
	holding
	resource Resource
}

func (h holding) Compare(o holding) int {
	return cmp.Or(cmp.Compare(h.name, o.name), h.unit.Compare(o.unit))
}

func (h *holder) key() holding              { return h.holding }
func (h *holder) appendKey(b []byte) []byte { return h.unit.appendTo(appendStrings(b, h.name)) }

// find returns the shared resource of a name, if some unit has it.
func (h holders) find(n Name) (Resource, bool) {
	if h.all == nil || !isShared(n.Type) {
		return Resource{}, false
	}
	for one := range h.all.from(holding{name: n.Name}) {
		return one.resource, one.name == n.Name
	}
	return Resource{}, false
}

// has reports whether some unit has the resource, as a shared one.
func (h holders) has(r Resource) bool {
	_, has := h.find(r.Name)
	return has
}

// share replaces each shared resource by the one that another unit has under its name. Those that nobody has
// are new, and noted for the next unit.
func (h holders) share(resources []Resource, fresh map[string]Resource) {
	for i, r := range resources {
		if !isShared(r.Type) {
			continue
		}
		if one, has := h.find(r.Name); has {
			resources[i] = one
		} else if one, has := fresh[r.Name.Name]; has {
			resources[i] = one
		} else {
			fresh[r.Name.Name] = r
		}
	}
}

// after returns the holders after cells were built again.
func (h holders) after(rebuilt []rebuilding) holders {
	var added []*holder
	for _, b := range rebuilt {
		for _, r := range b.to.all() {
			if _, had := b.from.find(r.Name); isShared(r.Type) && !had {
				added = append(added, &holder{holding{r.Name.Name, b.unit}, r})
			}
		}
		for _, r := range b.from.all() {
			if _, has := b.to.find(r.Name); isShared(r.Type) && !has {
				h.all = h.all.without(holding{r.Name.Name, b.unit})
			}
		}
	}
	slices.SortFunc(added, func(a, b *holder) int { return a.Compare(b.holding) })
	h.all = h.all.with(added)
	return h
}
