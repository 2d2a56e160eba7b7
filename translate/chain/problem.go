package chain

import (
	"fmt"
	"slices"
	"strings"

	"legate/discovery/catalog"
)

// Problem says what of a config entry does not count.
type Problem struct {
	Entry  catalog.EntryKey
	Detail string // what, and what is served instead
	Remedy string // what the operator can do
}

// instead adds what is served instead.
func (p *Problem) instead(what string) Problem {
	return Problem{p.Entry, p.Detail + ": " + what, p.Remedy}
}

func missingSubset(t Target) *Problem {
	return &Problem{Key(t.Service), fmt.Sprintf("there is no subset %q", t.Subset),
		"add it to the subsets of this entry, or name another one where it is asked for"}
}

// circular tells of a circle, to which a way leads that ends where it was before. The text is the same wherever the way
// enters the circle, and whichever the subsets.
func circular(way []Target) *Problem {
	last := len(way) - 1
	ring := slices.Clone(way[slices.IndexFunc(way, way[last].same):last])
	least := 0
	for n := range ring {
		if ring[n].Subset = ""; ring[n].String() < ring[least].String() {
			least = n
		}
	}
	ring = slices.Concat(ring[least:], ring[:least], ring[least:least+1])
	names := make([]string, len(ring))
	for n, t := range ring {
		names[n] = t.String()
	}
	return &Problem{Key(ring[0].Service), "the redirects lead back to where they came from: " + strings.Join(names, " to "),
		"let one of them lead elsewhere, or delete it"}
}

func enterprise(of catalog.EntryKey, what string, t catalog.Target) *Problem {
	return &Problem{of, fmt.Sprintf("%s to %s", what, t), "name a service, a subset, a datacenter or a peer: Legate knows no other namespaces, partitions or sameness groups"}
}

// String is the target's name: subset.service.peer or subset.service.datacenter.
func (t Target) String() string {
	var parts []string
	for _, p := range []string{t.Subset, t.Service, t.Peer, t.Datacenter} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, ".")
}
