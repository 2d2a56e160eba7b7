package admin

import (
	"cmp"
	"math"
	"net/http"
	"slices"
	"strings"

	"legate/internal/quote"
	"legate/internal/suggest"
	"legate/xdsserver"
)

// Nodes is a part of the list of nodes.
type Nodes struct {
	Paging
	// States says how many types are in each state, of the nodes on all pages.
	States map[State]int `json:"states"`
	Nodes  []Node        `json:"nodes"`
	// Pollers are nodes without streams, which ask again and again (REST): on each page those whose id or address has
	// what is searched for, unless a part of the nodes is asked for.
	Pollers []xdsserver.Poller `json:"pollers"`
}

// nodeColumns are what the list can be sorted by. Urgency is the worst first.
func nodeColumns() []string { return []string{"urgency", "id", "behind", "waiting", "streams"} }

// The parts of the list that can be asked for.
const (
	onlyUnsynced = "unsynced" // something is not SYNCED
	onlyNacked   = "nacked"
	onlyStale    = "stale"
	onlyNotSent  = "not_sent"
	onlySynced   = "synced"
)

func nodeParts() []string {
	return []string{onlyUnsynced, onlyNacked, onlyStale, onlyNotSent, onlySynced}
}

// isOf reports whether a node is in that part of the list.
func (n Node) isOf(part string) bool {
	is := func(s State) bool {
		return slices.ContainsFunc(n.Types, func(t NodeType) bool { return t.State == s })
	}
	synced := !slices.ContainsFunc(n.Types, func(t NodeType) bool { return !t.IsSynced() })
	switch part {
	case onlyUnsynced:
		return !synced
	case onlySynced:
		return synced
	case onlyNacked:
		return is(xdsserver.Nacked)
	case onlyStale:
		return is(xdsserver.Stale)
	case onlyNotSent:
		return is(xdsserver.NotSent)
	default:
		return true
	}
}

// findNodes returns the part of the nodes that a query wants. q is looked for in all that tells who a node is.
func findNodes(all []Node, pollers []xdsserver.Poller, q query) Nodes {
	out := Nodes{States: map[State]int{}, Pollers: []xdsserver.Poller{}} // [] in JSON, not null
	search := strings.ToLower(q.search)
	for _, p := range pollers {
		if q.only == "" && strings.Contains(strings.ToLower(p.Node+"\n"+p.Address), search) {
			out.Pollers = append(out.Pollers, p)
		}
	}
	var found []Node
	for _, n := range all {
		who := strings.ToLower(strings.Join([]string{n.ID, n.Address, n.Identity, n.Cluster}, "\n"))
		if !strings.Contains(who, search) || !n.isOf(q.only) {
			continue
		}
		found = append(found, n)
		for _, t := range n.Types {
			out.States[t.State]++
		}
	}
	slices.SortStableFunc(found, func(a, b Node) int {
		if q.down {
			a, b = b, a
		}
		switch q.sort {
		case "id":
			return cmp.Compare(a.ID, b.ID)
		case "behind":
			return cmp.Compare(a.Behind, b.Behind)
		case "waiting":
			return cmp.Compare(a.waits(), b.waits())
		case "streams":
			return cmp.Compare(a.Streams, b.Streams)
		}
		return a.compare(b)
	})
	out.Paging, out.Nodes = paged(q, found)
	out.Nodes = append([]Node{}, out.Nodes...) // [] in JSON, not null
	return out
}

// waits grows with how long a node waits.
func (n Node) waits() int64 {
	if n.Waiting.IsZero() {
		return math.MinInt64
	}
	return -n.Waiting.UnixNano()
}

func (s *Server) nodes(w http.ResponseWriter, r *http.Request) {
	q, err := readQuery(r, nodeColumns(), nodeParts())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.answer(w, r, findNodes(NodesOf(s.rooms.XDS.Streams()), s.rooms.XDS.Pollers(), q))
}

// NodesOfID are the nodes with one id: more than one, if clients share it.
type NodesOfID struct {
	Nodes []Node `json:"nodes"`
	// Resources are what these would get now.
	Resources NodeResources `json:"resources"`
}

// nodesOfID returns the nodes with an id, and if there are none, the id that was probably meant.
func (s *Server) nodesOfID(id string) (found []Node, near string) {
	var known []string
	for _, n := range NodesOf(s.rooms.XDS.Streams()) {
		if n.ID == id {
			found = append(found, n)
		}
		if more := len(n.ID) - len(id); len(id) <= maxGuess && -guessWithin <= more && more <= guessWithin {
			known = append(known, n.ID)
		}
	}
	if found == nil {
		near = suggest.Nearest(id, known)
	}
	return found, near
}

func (s *Server) node(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	q, err := readResourceQuery(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	found, near := s.nodesOfID(id)
	if len(found) == 0 {
		said := missingNode(id)
		if near != "" {
			said += ": did you mean " + quote.Name(near) + "?"
		}
		http.Error(w, said+"; /api/v1/nodes lists all", http.StatusNotFound)
		return
	}
	s.answer(w, r, NodesOfID{found, s.resourcesOf(id, q)})
}

func missingNode(id string) string { return "no open stream is of node " + quote.Name(id) }
