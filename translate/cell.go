package translate

import (
	"slices"
	"time"
)

// cell is what a unit was built to. It is never changed. One without resources and problems is of a unit that would be
// served by another policy: a service that exists elsewhere only.
type cell struct {
	unit      unit
	resources []Resource // sorted by type and name
	problems  []Problem
	policy    *said        // what it was built by; nil: it asked for none
	reads     []dependency // what of others it was built from, sorted
	since     time.Time    // of the delta that changed its resources last
}

func (c *cell) key() unit                 { return c.unit }
func (c *cell) appendKey(b []byte) []byte { return c.unit.appendTo(b) }

// served reports whether a cell that may be nil has a cluster that is made by a policy.
func (c *cell) served() bool { return len(c.all()) > 0 && c.policy != nil }

// all are the resources of a cell that may be nil.
func (c *cell) all() []Resource {
	if c == nil {
		return nil
	}
	return c.resources
}

// allReads are those of a cell that may be nil.
func (c *cell) allReads() []dependency {
	if c == nil {
		return nil
	}
	return c.reads
}

// flawed reports whether a cell that may be nil has problems.
func (c *cell) flawed() bool { return c != nil && len(c.problems) > 0 }

// find returns the resource with the name, of a cell that may be nil. A cell has few.
func (c *cell) find(n Name) (Resource, bool) {
	for _, r := range c.all() {
		if r.Name == n {
			return r, true
		}
	}
	return Resource{}, false
}

// over returns c after the cell that the unit had before, which may be nil: what is equal is taken from
// there, so that it is held once. It is the old cell itself if all is equal.
func (c cell) over(old *cell) *cell {
	if old == nil {
		c.reads = slices.Clone(c.reads)
		return &c
	}
	share(c.resources, old)
	resources := slices.EqualFunc(c.resources, old.resources, same)
	problems, reads := slices.Equal(c.problems, old.problems), slices.Equal(c.reads, old.reads)
	policy := c.policy == old.policy || c.policy != nil && old.policy != nil && c.policy.same(old.policy)
	if resources && problems && reads && policy {
		return old
	}
	if policy {
		c.policy = c.policy.sharing(old.policy)
	}
	if resources {
		c.resources, c.since = old.resources, old.since
	}
	if reads {
		c.reads = old.reads
	} else {
		c.reads = slices.Clone(c.reads)
	}
	return &c
}

// share replaces each resource that is equal in a cell, which may be nil, by that one.
func share(resources []Resource, held *cell) {
	for i, r := range resources {
		if one, has := held.find(r.Name); has && same(one, r) {
			resources[i] = one
		}
	}
}

// problemsBeyond are the problems of c that the other cell does not have, each as often as it has
// it less. Either may be nil.
func (c *cell) problemsBeyond(other *cell) []Problem {
	if c == nil {
		return nil
	}
	if other == nil {
		return c.problems
	}
	return beyond(c.problems, other.problems)
}

// beyond are the problems that are not among others, each as often as it is there less.
func beyond(problems, others []Problem) (beyond []Problem) {
	has := make(map[Problem]int, len(others))
	for _, p := range others {
		has[p]++
	}
	for _, p := range problems {
		if has[p]--; has[p] < 0 {
			beyond = append(beyond, p)
		}
	}
	return beyond
}
