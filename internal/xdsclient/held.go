package xdsclient

import (
	"bytes"
	"fmt"
	"iter"
	"maps"
	"slices"

	"legate/translate"
)

// resource is one that is held.
type resource struct {
	version string
	value   []byte // nil: there is none
}

// entry is what is held under a name.
type entry struct{ cluster, assignment resource }

func (e entry) state() State { return State{e.cluster.value, e.assignment.value} }

// of is the resource of a type.
func (e *entry) of(typeURL string) *resource {
	if typeURL == translate.ClusterType {
		return &e.cluster
	}
	return &e.assignment
}

// held are the resources that the client has. What changes is remembered until it is taken.
type held struct {
	most, bytes int
	by          map[string]entry
	before      map[string]entry // of those that have changed
}

func newHeld(most int) *held {
	return &held{most: most, by: map[string]entry{}, before: map[string]entry{}}
}

// put takes in a resource; one without a value is removed. It fails if there would be too much.
func (h *held) put(typeURL, name string, r resource) error {
	e, had := h.by[name]
	if _, noted := h.before[name]; !noted {
		h.before[name] = e
	}
	to := e.of(typeURL)
	h.bytes += len(r.value) - len(to.value)
	*to = r
	switch {
	case h.bytes > h.most:
		return fmt.Errorf("the resources take more than %d MiB: name the services that you want to see", h.most>>20)
	case e.cluster.value == nil && e.assignment.value == nil:
		delete(h.by, name)
		if !had {
			delete(h.before, name)
		}
		return nil
	}
	h.by[name] = e
	return nil
}

// changes are what has changed since they were taken last, by name.
func (h *held) changes() (all Changed) {
	for _, name := range slices.Sorted(maps.Keys(h.before)) {
		was, is := h.before[name], h.by[name]
		c := Change{Name: name, Before: was.state(), After: is.state()}
		if was.cluster.version != is.cluster.version {
			c.Cluster = is.cluster.version
		}
		if was.assignment.version != is.assignment.version {
			c.Endpoints = is.assignment.version
		}
		if !c.Before.equal(c.After) {
			all = append(all, c)
		}
	}
	clear(h.before)
	return all
}

func (s State) equal(o State) bool {
	return same(s.Cluster, o.Cluster) && same(s.Assignment, o.Assignment)
}

// same tells none from one with nothing in it.
func same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

// versions are those of a type that the client holds, by name.
func (h *held) versions(typeURL string) map[string]string {
	all := map[string]string{}
	for name, e := range h.by {
		if r := e.of(typeURL); r.value != nil {
			all[name] = r.version
		}
	}
	return all
}

// all are the names and what is held under them, sorted.
func (h *held) all() iter.Seq2[string, State] {
	return func(yield func(string, State) bool) {
		for _, name := range slices.Sorted(maps.Keys(h.by)) {
			if !yield(name, h.by[name].state()) {
				return
			}
		}
	}
}
