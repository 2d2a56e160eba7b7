package admin

import (
	"fmt"
	"net/http"

	"legate/internal/quote"
	"legate/xdsserver"
)

// nodesPage is the data of the page that lists nodes.
type nodesPage struct {
	listPage
	States  []stateCount
	Rows    []nodeRow
	Pollers []xdsserver.Poller // some of them
	More    int                // that are not shown
}

// maxPollers is how many nodes without streams the page shows.
const maxPollers = 100

// stateCount says how many types are in a state.
type stateCount struct {
	State State
	Mood  string
	N     int
}

type nodeRow struct {
	Node
	Mood  string
	Nacks int
}

func (s *Server) nodesPage(w http.ResponseWriter, r *http.Request) {
	q, err := readQuery(r, nodeColumns(), nodeParts())
	if err != nil {
		s.missing(w, http.StatusBadRequest, "nodes", "Nodes", "Nothing can be shown for this address: "+err.Error()+".", "", "")
		return
	}
	found := findNodes(NodesOf(s.rooms.XDS.Streams()), s.rooms.XDS.Pollers(), q)
	v := nodesPage{listPage: s.listPage(q, "nodes", "Nodes", "Node", nodesParts(), nodesHeadings(), found.Paging), States: stateCounts(found.States)}
	for _, n := range found.Nodes {
		row := nodeRow{Node: n, Mood: moodOf(n.State)}
		for _, t := range n.Types {
			row.Nacks += t.Nacks
		}
		v.Rows = append(v.Rows, row)
	}
	v.Pollers = found.Pollers[:min(len(found.Pollers), maxPollers)]
	v.More = len(found.Pollers) - len(v.Pollers)
	v.Page.Mood, v.Page.Verdict = "quiet", foundNodes(q, found.Total)
	s.render(w, http.StatusOK, "nodes", v, "/api/v1/nodes")
}

// stateCounts are the states that there are, the worst first.
func stateCounts(of map[State]int) (all []stateCount) {
	for _, state := range []State{xdsserver.Nacked, xdsserver.Stale, xdsserver.NotSent, xdsserver.Synced} {
		if n := of[state]; n > 0 {
			all = append(all, stateCount{state, moodOf(state), n})
		}
	}
	return all
}

// foundNodes says what is listed.
func foundNodes(q query, n int) string {
	said := plural(n, "node")
	switch q.only {
	case onlyUnsynced:
		said += " without all that is served"
	case onlyNacked:
		said += " that " + verb(n, "rejects", "reject") + " something"
	case onlyStale:
		said += " with something that is not acknowledged yet"
	case onlyNotSent:
		said += " with a type of which nothing was sent"
	case onlySynced:
		said += " with all that is served"
	}
	if q.search != "" {
		said += fmt.Sprintf(", of those with %s in id, address, identity or cluster", quote.Name(q.search))
	}
	return said + "."
}

// verb is the form of a verb for so many.
func verb(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

func nodesParts() []choice {
	return []choice{{"", "all"}, {onlyUnsynced, "not synced"}, {onlyNacked, "rejecting"}, {onlyStale, "stale"}, {onlyNotSent, "not sent"}, {onlySynced, "synced"}}
}

func nodesHeadings() []heading {
	return []heading{
		{name: "id", says: "Node", lowest: true}, {says: "From", class: "wide"}, {name: "streams", says: "Streams", class: "n wide"},
		{name: "urgency", says: "State", lowest: true}, {name: "behind", says: "Behind", class: "n"},
		{name: "waiting", says: "Waits for", class: "wide"}, {says: "NACKs", class: "n"},
	}
}
