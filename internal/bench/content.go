package main

import (
	"hash/maphash"
	"slices"

	"legate/translate"
)

// Kinds of resources.
const (
	clusters = iota
	assignments
	kinds
)

var typeURLs = [kinds]string{translate.ClusterType, translate.AssignmentType}

func numberOf(typeURL string) int { return slices.Index(typeURLs[:], typeURL) }

// mark identifies the content of a resource: a hash of its bytes; 0 if there is none.
type mark uint32

// marker makes marks. They are comparable within this process.
type marker struct{ seed maphash.Seed }

func (m marker) of(value []byte) mark {
	if value == nil {
		return 0
	}
	return mark(maphash.Bytes(m.seed, value)) | 1
}

// content is what exists, or should exist, for each kind and service.
type content [kinds][]mark

// versions are the versions of a server's resources, by kind and service.
type versions [kinds][]string

// expected is the content that clients should hold, whatever server they use.
type expected struct {
	marker
	catalog *dataset
	content content
}

func newExpected(f fleet) (*expected, error) {
	e := &expected{marker: marker{maphash.MakeSeed()}, catalog: newCatalog(f)}
	for k := range kinds {
		e.content[k] = make([]mark, f.Services)
	}
	_, err := e.change(f.all(), 0)
	return e, err
}

// changed is a resource with new content.
type changed struct {
	kind, service int
	to            mark
}

// change applies to the expected content what servers do when they prepare the same change.
func (e *expected) change(services []int, revision int) ([]changed, error) {
	s, err := e.catalog.change(services, revision)
	if err != nil {
		return nil, err
	}
	all := make([]changed, len(s.batch.Set))
	for n, r := range s.batch.Set {
		c := changed{numberOf(r.Type), e.catalog.indexOf(r.Name.Name), e.of(r.Value)}
		e.content[c.kind][c.service] = c.to
		all[n] = c
	}
	return all, nil
}
