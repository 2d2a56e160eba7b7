package xdsserver

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// An Envoy may get its clusters over one stream and their assignments over another. Between streams nothing has an
// order, so an assignment may come before the cluster with which it changed. Envoy then waits for it until the initial
// fetch of that cluster times out. So once the client has answered for a cluster, its assignment is sent again there.

// apart is what became owed on a subscription because of another stream of the same client: the names of entries of
// that stream's.
type apart struct {
	some atomic.Bool

	mu      sync.Mutex
	entries map[*entry]struct{}
}

// add needs the store's lock for reading. What Consul does not have brings nothing along, so no client can make up what
// is kept here while another stream of its takes nothing.
func (a *apart) add(entries []*entry) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range entries {
		if e.res == nil {
			continue
		}
		if a.entries == nil {
			a.entries = map[*entry]struct{}{}
		}
		a.entries[e] = struct{}{}
		a.some.Store(true)
	}
}

func (a *apart) take() []*entry {
	if !a.some.Load() { // as nearly always
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	all := slices.Collect(maps.Keys(a.entries))
	a.entries = nil
	a.some.Store(false)
	return all
}

// bringApart has sent again what the entries of an answered response bring along, on those streams of the same client
// that ask for that and not for the entries' type. It needs the store's lock for reading, and the session's.
func (ss *session) bringApart(sub *subscription, d delivery) {
	entries := d.entries
	if d.all && sub.resumed { // any of them may differ from what the client had
		entries = sub.table.live
	}
	brought := ss.store.table(sub.table.brings)
	if brought == nil || len(entries) == 0 || brought.subOf(ss.slot) != nil { // on one stream things have an order
		return
	}
	for slot, other := range brought.subs {
		if other != nil && sub.table.subOf(slot) == nil && other.record.isOf(ss.record.peer, ss.node.GetId()) {
			other.apart.add(entries)
			ss.store.wakers[slot]()
		}
	}
}

// isOf reports whether the stream came over a connection, from a node. Several nodes may share a connection, and nodes
// without an id are told from one another by nothing.
func (r *streamRecord) isOf(peer, node string) bool {
	if node == "" || r.peer != peer {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.id == node
}
