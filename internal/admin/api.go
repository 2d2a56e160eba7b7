package admin

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"legate/internal/quote"
)

// call is a path of the API that only reads, with the parameters that it knows. openapi.json describes each for programs:
// a test compares it with what is here, and with the answers.
type call struct {
	path   string
	handle http.HandlerFunc
	params []string
}

// listParams are the parameters of a list, and changesParams those of the changes.
func listParams() []string { return []string{"q", "only", "sort", "page", "limit"} }
func changesParams() []string {
	return []string{"service", "kind", "since", "limit", "before", "after", "wait"}
}

// api are the calls that only read.
func (s *Server) api() []call {
	return []call{
		{"/api/v1/status", s.status, nil},
		{"/api/v1/services", s.services, listParams()},
		{"/api/v1/services/{name}", s.service, []string{"node", "page", "limit"}},
		{"/api/v1/nodes", s.nodes, listParams()},
		{"/api/v1/nodes/{id}", s.node, resourceParams()},
		{"/api/v1/changes", s.changes, changesParams()},
		{"/api/v1/changes/{id}", s.change, nil},
		{"/api/v1/holds", s.holds, nil},
		{"/api/v1/consul", s.consul, nil},
		{"/api/v1/openapi.json", asset("application/json", "openapi.json"), nil},
	}
}

// strict refuses parameters that a call does not know: one that is misspelt would ask for something else, and nobody
// would see.
func (c call) strict(w http.ResponseWriter, r *http.Request) {
	if err := unknownParameter(r, c.params); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.handle(w, r)
}

func unknownParameter(r *http.Request, known []string) error {
	for name := range r.URL.Query() {
		switch {
		case slices.Contains(known, name):
		case len(known) == 0:
			return fmt.Errorf("%s: there are no parameters here", quote.Name(name))
		default:
			return fmt.Errorf("%s: no such parameter; there are %s", quote.Name(name), strings.Join(known, ", "))
		}
	}
	return nil
}
