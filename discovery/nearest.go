package discovery

import (
	"slices"

	"legate/discovery/catalog"
)

// nearest is the order of the datacenters by Consul's round-trip times. These are estimates that change all
// the time: two datacenters at about the same distance would change places again and again. So another
// order counts when Consul has said it turns times in a row. It is one goroutine's.
type nearest struct {
	order []string // without the own datacenter
	next  []string // another order, of the same datacenters, that Consul has said
	turns int      // so many times in a row
}

// nearestTurns is how often Consul must have said another order.
const nearestTurns = 4

// told takes in what Consul says. It is true if the order is another one now.
func (n *nearest) told(names []string) bool {
	if kept := n.among(names); !slices.Equal(kept, n.order) {
		n.order, n.next, n.turns = kept, nil, 0
		return true
	}
	if slices.Equal(names, n.order) {
		n.next, n.turns = nil, 0
		return false
	}
	if !slices.Equal(names, n.next) {
		n.next, n.turns = names, 0
	}
	if n.turns++; n.turns < nearestTurns {
		return false
	}
	n.order, n.next, n.turns = names, nil, 0
	return true
}

// among is the order with those of the names only, and with new ones where they are said to be.
func (n *nearest) among(names []string) []string {
	var kept []string
	for _, name := range n.order {
		if slices.Contains(names, name) {
			kept = append(kept, name)
		}
	}
	for i, name := range names {
		if slices.Contains(n.order, name) {
			continue
		}
		at := 0
		if i > 0 {
			at = slices.Index(kept, names[i-1]) + 1
		}
		kept = slices.Insert(kept, at, name)
	}
	return kept
}

// nearestKey is that of the pseudo entry that has the order.
func nearestKey() catalog.EntryKey {
	return catalog.EntryKey{Kind: catalog.Datacenters, Name: catalog.NearestEntry}
}

// delta tells the order.
func (n *nearest) delta() catalog.Delta {
	if len(n.order) == 0 {
		return catalog.Delta{GoneEntries: []catalog.EntryKey{nearestKey()}}
	}
	return catalog.Delta{Entries: []catalog.Entry{{Key: nearestKey(), Datacenters: slices.Clone(n.order)}}}
}
