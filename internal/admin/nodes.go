package admin

import (
	"cmp"
	"net"
	"slices"
	"time"

	"legate/xdsserver"
)

// Node is a client: all open streams with one node id that come from one certificate or, without one, from one
// address. A client chooses its id, so the id alone does not tell clients apart.
type Node struct {
	ID       string `json:"id"`
	Address  string `json:"address"`            // without ports; one of them, if there are several
	Identity string `json:"identity,omitempty"` // the name in its certificate
	Cluster  string `json:"cluster,omitempty"`
	Agent    string `json:"agent,omitempty"`
	Region   string `json:"region,omitempty"` // where it stands, by its locality; empty: it does not say
	Zone     string `json:"zone,omitempty"`
	Streams  int    `json:"streams"`
	// State is the worst of its types, and Since when that came into it.
	State State     `json:"state"`
	Since time.Time `json:"since"`
	// Behind is how many versions of resources it waits for, and Waiting since when it waits for the oldest.
	Behind  int       `json:"behind"`
	Waiting time.Time `json:"waiting,omitzero"`
	// Types are what it asks for, the worst first. A type that it asks for on several streams is there more than once.
	Types []NodeType `json:"types"`
}

// State is an xdsserver.State.
type State = xdsserver.State

// NodeType is one type on one stream of a node.
type NodeType struct {
	Stream   string `json:"stream"`
	Protocol string `json:"protocol"`
	Peer     string `json:"peer"`
	Word     string `json:"word"` // what people call the type: clusters
	xdsserver.TypeStatus
}

// IsSynced reports whether the client has all that it wants of the type, as far as Legate has it.
func (t NodeType) IsSynced() bool {
	return t.State == xdsserver.Synced || t.State == xdsserver.NotSent && t.Wants == 0
}

// NodesOf makes nodes of streams, the worst first, as NodeType sorts them.
func NodesOf(streams []xdsserver.StreamStatus) []Node {
	type client struct{ id, by string }
	at := map[client]int{}
	nodes := []Node{} // [] in JSON, not null
	for _, st := range streams {
		address := addressOnly(st.Peer)
		key := client{st.Node, cmp.Or(st.Identity, address)}
		i, known := at[key]
		if !known {
			i = len(nodes)
			at[key] = i
			nodes = append(nodes, Node{ID: st.Node, Address: address, Identity: st.Identity, Cluster: st.Cluster, Agent: st.Agent,
				Region: st.Region, Zone: st.Zone, Types: []NodeType{}})
		}
		n := &nodes[i]
		n.Streams++
		for _, t := range st.Types {
			n.Types = append(n.Types, NodeType{st.ID, st.Protocol, st.Peer, short(t.Type), t})
		}
		if len(st.Types) == 0 { // it has asked for nothing yet
			n.Since = later(n.Since, st.Opened)
		}
	}
	for i := range nodes {
		nodes[i].sum()
	}
	slices.SortStableFunc(nodes, func(a, b Node) int { return cmp.Or(a.compare(b), cmp.Compare(a.ID, b.ID)) })
	return nodes
}

// sum fills in what follows from the types.
func (n *Node) sum() {
	slices.SortStableFunc(n.Types, NodeType.compare)
	n.State = xdsserver.NotSent
	for i, t := range n.Types {
		if i == 0 {
			n.State, n.Since = t.State, t.Since
		}
		n.Behind += t.Behind
		if !t.Waiting.IsZero() && (n.Waiting.IsZero() || t.Waiting.Before(n.Waiting)) {
			n.Waiting = t.Waiting
		}
	}
}

// compare sorts nodes as their worst types are.
func (n Node) compare(o Node) int {
	switch {
	case len(n.Types) == 0 || len(o.Types) == 0:
		return cmp.Compare(len(o.Types), len(n.Types))
	default:
		return n.Types[0].compare(o.Types[0])
	}
}

// compare sorts by urgency: what is rejected, then what waits, since longest first, then what was not sent.
func (t NodeType) compare(o NodeType) int {
	return cmp.Or(cmp.Compare(t.urgency(), o.urgency()), waitingFor(t).Compare(waitingFor(o)), cmp.Compare(t.Type, o.Type))
}

func (t NodeType) urgency() int {
	switch {
	case t.State == xdsserver.Nacked:
		return 0
	case t.IsSynced():
		return 2
	default:
		return 1
	}
}

// waitingFor is since when a client waits, or is in its state.
func waitingFor(t NodeType) time.Time {
	if !t.Waiting.IsZero() {
		return t.Waiting
	}
	return t.Since
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// addressOnly is the address of a client without its port.
func addressOnly(peer string) string {
	if host, _, err := net.SplitHostPort(peer); err == nil {
		return host
	}
	return peer
}
