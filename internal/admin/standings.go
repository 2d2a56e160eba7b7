package admin

import (
	"fmt"
	"net/http"
	"net/url"

	"legate/internal/quote"
	"legate/translate"
	"legate/xdsserver"
)

// NodeResources are what the clients with one id would get now, and how they stand with it: what differs first.
type NodeResources struct {
	Paging
	// States says how many resources are in each state, on all pages. STALE: sent, and not acknowledged yet.
	States map[State]int `json:"states"`
	// LeftOut is how many streams were not looked at, since too many share the id.
	LeftOut   int            `json:"left_out,omitempty"`
	Resources []NodeResource `json:"resources"`
}

// NodeResource is one resource that a stream asks for.
type NodeResource struct {
	Word string `json:"word"` // what people call its type: clusters
	xdsserver.Standing
}

// resourceParams are the parameters of one node.
func resourceParams() []string { return []string{"resource", "page"} }

// readResourceQuery reads which resources of a node are wanted: ?resource= is a part of the name, and ?page= which page.
func readResourceQuery(r *http.Request) (query, error) {
	q, err := readQuery(r, nil, nil)
	q.limit, q.resource = defaultLimit, r.URL.Query().Get("resource")
	if err == nil && len(q.resource) > maxSearch {
		err = fmt.Errorf("resource: at most %d bytes", maxSearch)
	}
	return q, err
}

// resourcesOf are those of the clients with an id.
func (s *Server) resourcesOf(id string, q query) NodeResources {
	found := s.rooms.XDS.Standings(xdsserver.StandingsQuery{Node: id, Part: q.resource, Page: q.page, Limit: q.limit})
	pages := max(1, (found.Total+q.limit-1)/q.limit)
	out := NodeResources{
		Paging: Paging{Total: found.Total, Page: min(q.page, pages), Pages: pages, Limit: q.limit},
		States: found.States, LeftOut: found.LeftOut, Resources: []NodeResource{}, // [] in JSON, not null
	}
	for _, is := range found.Rows {
		is.Why = cut(is.Why)
		out.Resources = append(out.Resources, NodeResource{short(is.Type), is})
	}
	return out
}

// resourceRow is a resource on the page of a node.
type resourceRow struct {
	NodeResource
	Mood    string
	Service string // whose page there is; empty: none
	Dump    string // where its content is; empty: Consul does not have it
	Seen    string // leads to the service as the node sees it; empty: as all do
}

func resourceRows(all []NodeResource, node string, place translate.Place) (rows []resourceRow) {
	for _, r := range all {
		row := resourceRow{NodeResource: r, Mood: moodOf(r.State)}
		if r.Type == translate.ClusterType || r.Type == translate.AssignmentType {
			row.Service = r.Name
		}
		if r.Type == translate.AssignmentType && r.Version != "" {
			row.Seen = seenBy(r.Name, node)
		}
		if r.Version != "" && len(r.Name) <= quote.NameBytes {
			where := url.Values{"view": {r.View}, "name": {r.Name}}
			if place != (translate.Place{}) {
				where.Set("region", place.Region)
				where.Set("zone", place.Zone)
			}
			row.Dump = "/debug/config_dump?" + where.Encode()
		}
		rows = append(rows, row)
	}
	return rows
}
