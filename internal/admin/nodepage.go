package admin

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"legate/internal/quote"
	"legate/translate"
	"legate/xdsserver"
)

// nodePage is the data of the page of a node: of all with one id, if clients share it.
type nodePage struct {
	Page    head
	ID      string
	Clients []Node
	Rows    []nodeTypeRow
	Pager   pager
	Path    string

	Resource  string // which are searched for
	Resources []resourceRow
	States    []stateCount // of them
	LeftOut   int          // streams that were not looked at
	Place     translate.Place
	Places    bool  // it says where it stands
	More      pager // of them
}

// nodeTypeRow is one type on one stream of a node.
type nodeTypeRow struct {
	NodeType
	Mood     string
	Identity string
	For      time.Time // since when it waits, or is in its state
	Parked   []parked
	More     int // of what is rejected, what is not shown
}

// parked is a resource that a client rejects.
type parked struct{ Resource, Service, Why string }

func (s *Server) nodePage(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	q, err := readResourceQuery(r) // ?page= is of both lists: each ends with its last page
	if err != nil {
		s.missing(w, http.StatusBadRequest, "nodes", "Nodes", "Nothing can be shown for this address: "+err.Error()+".", "", "")
		return
	}
	found, near := s.nodesOfID(id)
	if len(found) == 0 {
		s.missing(w, http.StatusNotFound, "nodes", quote.Name(id), "There is nothing to show: "+missingNode(id)+".", near, "")
		return
	}
	v := nodePage{Page: s.head("nodes", quote.Name(id)), ID: id, Clients: found[:min(len(found), maxProblemRows)], Path: nodePath(id)}
	var all []nodeTypeRow
	for _, n := range found {
		for _, t := range n.Types {
			all = append(all, nodeTypeRow{NodeType: t, Identity: n.Identity})
		}
	}
	slices.SortStableFunc(all, func(a, b nodeTypeRow) int { return a.compare(b.NodeType) })
	p, rows := paged(q, all)
	v.Pager, v.Rows = pagerOf(q, p), rows
	for i := range v.Rows {
		v.Rows[i].fill()
	}
	v.Place = translate.Place{Region: found[0].Region, Zone: found[0].Zone}
	v.Places = v.Place != (translate.Place{})
	v.resources(s.resourcesOf(id, q), q)
	v.Page.Mood, v.Page.Verdict = nodeVerdict(found, all)
	s.render(w, http.StatusOK, "node", v, "/api/v1/nodes")
}

// resources fills in what the node would get now.
func (v *nodePage) resources(found NodeResources, q query) {
	v.Resource, v.Resources, v.States, v.LeftOut, v.More = q.resource, resourceRows(found.Resources, v.ID, v.Place), stateCounts(found.States), found.LeftOut, pagerOf(q, found.Paging)
}

// fill puts a row into words.
func (r *nodeTypeRow) fill() {
	r.Mood, r.For = moodOf(r.State), waitingFor(r.NodeType)
	for _, name := range slices.Sorted(maps.Keys(r.Rejected)) {
		one := parked{Resource: r.Word, Service: name, Why: r.Rejected[name]}
		if r.Type != translate.ClusterType && r.Type != translate.AssignmentType {
			one.Resource, one.Service = r.Word+" "+quote.Name(name), ""
		}
		r.Parked = append(r.Parked, one)
	}
	r.More = max(0, r.RejectedCount-len(r.Parked))
}

// nodeVerdict sums up what a node has.
func nodeVerdict(found []Node, all []nodeTypeRow) (mood, sentence string) {
	behind, rejects, waits := 0, 0, 0
	for _, n := range found {
		behind += n.Behind
	}
	for _, t := range all {
		switch {
		case t.State == xdsserver.Nacked:
			rejects++
		case !t.IsSynced():
			waits++
		}
	}
	switch {
	case rejects > 0:
		mood, sentence = "bad", fmt.Sprintf("It rejects something of %s", plural(rejects, "type"))
	case waits > 0:
		mood, sentence = "warn", fmt.Sprintf("It does not have all of %s yet", plural(waits, "type"))
	case len(all) == 0:
		mood, sentence = "warn", "It has asked for nothing yet"
	default:
		mood, sentence = "good", "It has all that it asks for"
	}
	if behind > 0 {
		sentence += fmt.Sprintf(", and is %s behind", plural(behind, "version"))
	}
	return mood, sentence + "."
}
