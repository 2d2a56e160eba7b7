package xdsserver

import (
	"sync"

	"legate/translate"
)

// near is how a resource differs from place to place.
type near struct {
	translate.Near

	mu     sync.Mutex
	places []translate.Place // with endpoints; nil: it is not known yet
	made   []placed
}

// placed is a resource as it is served in places that are seen alike.
type placed struct {
	seen int
	res  *resource
}

// prefers is how the resource differs from place to place.
func (r *resource) prefers() translate.Near {
	if r.near == nil {
		return translate.Near{}
	}
	return r.near.Near
}

// nears is 1 for a resource that differs from place to place, and 0 for others. It may be nil.
func (r *resource) nears() int {
	if r == nil || r.near == nil {
		return 0
	}
	return 1
}

// at returns the resource as it is served in a place, which is the resource itself unless its policy says otherwise. It
// may be nil. What is made is kept as long as the resource: it is no more than there are zones and regions with
// endpoints, since all other places are seen as one.
func (r *resource) at(place translate.Place) *resource {
	if r == nil || r.near == nil || place == (translate.Place{}) {
		return r
	}
	n := r.near
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.places == nil {
		n.places, _ = r.translated().Localities() // it was encoded here: it can be decoded
	}
	seen := n.Seen(place, n.places)
	if seen == 0 {
		return r
	}
	for _, one := range n.made {
		if one.seen == seen {
			return one.res
		}
	}
	is := placed{seen, r}
	if from, err := r.translated().From(place); err == nil && from.Version != r.version {
		is.res = newResource(from)
	}
	n.made = append(n.made, is)
	return is.res
}
