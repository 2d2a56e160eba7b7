package admin

import (
	"fmt"
	"net/http"
	"strings"

	"legate/internal/quote"
	"legate/xdsserver"
)

// nodesPage is the data of the page that lists nodes.
type nodesPage struct {
	Page    head
	Search  string
	Sort    string // as in the address, for the form
	Only    string
	Parts   []part
	Columns []column
	States  []stateCount
	Rows    []nodeRow
	Pager   pager
	API     string // where a program finds the same
}

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
	found := findNodes(NodesOf(s.rooms.XDS.Streams()), q)
	v := nodesPage{Page: s.head("nodes", "Nodes"), Search: q.search, Only: q.only, Sort: q.order(), Parts: nodePartsOf(q), Columns: nodeColumnsOf(q),
		Pager: pagerOf(q, found.Paging), API: strings.TrimSuffix("/api/v1/nodes"+q.with(found.Page), "?")}
	for _, state := range []State{xdsserver.Nacked, xdsserver.Stale, xdsserver.NotSent, xdsserver.Synced} {
		if n := found.States[state]; n > 0 {
			v.States = append(v.States, stateCount{state, moodOf(state), n})
		}
	}
	for _, n := range found.Nodes {
		row := nodeRow{Node: n, Mood: moodOf(n.State)}
		for _, t := range n.Types {
			row.Nacks += t.Nacks
		}
		v.Rows = append(v.Rows, row)
	}
	v.Page.Mood, v.Page.Verdict = "quiet", foundNodes(q, found.Total)
	s.render(w, http.StatusOK, "nodes", v, "/api/v1/nodes")
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

func nodePartsOf(q query) []part {
	var all []part
	for _, one := range []struct{ part, says string }{{"", "all"}, {onlyUnsynced, "not synced"}, {onlyNacked, "rejecting"}, {onlyStale, "stale"}, {onlyNotSent, "not sent"}, {onlySynced, "synced"}} {
		next := q
		next.only = one.part
		all = append(all, part{one.says, next.with(1), q.only == one.part})
	}
	return all
}

// nodeColumnsOf are the columns of the table. What is sorted by id or by urgency begins with the first or the worst,
// all else with the highest.
func nodeColumnsOf(q query) []column {
	var all []column
	for _, one := range []struct{ name, says, class string }{
		{"id", "Node", ""}, {"", "From", "wide"}, {"streams", "Streams", "n wide"}, {"urgency", "State", ""}, {"behind", "Behind", "n"}, {"waiting", "Waits for", "wide"}, {"", "NACKs", "n"},
	} {
		next, c := q, column{Says: one.says, Class: one.class}
		if one.name != "" {
			next.sort, next.down = one.name, one.name != "id" && one.name != "urgency"
			if q.sort == one.name {
				next.down = !q.down
				c.Order = map[bool]string{true: "descending", false: "ascending"}[q.down]
			}
			c.Link = next.with(1)
		}
		all = append(all, c)
	}
	return all
}
