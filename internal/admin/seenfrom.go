package admin

import (
	"errors"
	"net/http"
	"net/url"

	"legate/internal/quote"
	"legate/translate"
)

// SeenFrom says for which node a service's priorities are.
type SeenFrom struct {
	Node   string `json:"node"` // its id
	Region string `json:"region,omitempty"`
	Zone   string `json:"zone,omitempty"`
	// Says is what the policy makes of where the node stands, and why.
	Says string `json:"says"`
}

// place is where it stands.
func (f *SeenFrom) place() translate.Place { return translate.Place{Region: f.Region, Zone: f.Zone} }

// seenFrom is the node that ?node= names: nil without that, and an error if no open stream is of it. Of clients that
// share the id it is the one that is listed first.
func (s *Server) seenFrom(r *http.Request) (*SeenFrom, error) {
	id := r.URL.Query().Get("node")
	if id == "" {
		return nil, nil
	}
	found, near := s.nodesOfID(id)
	if len(found) == 0 {
		said := missingNode(id)
		if near != "" {
			said += ": did you mean " + quote.Name(near) + "?"
		}
		return nil, errors.New(said)
	}
	return &SeenFrom{Node: cut(id), Region: found[0].Region, Zone: found[0].Zone}, nil
}

// of fills in what the policy of a service makes of it.
func (f *SeenFrom) of(near translate.Near) *SeenFrom {
	is := *f
	stands := "it says no locality"
	if f.Region != "" {
		stands = "it stands in " + f.Region
		if f.Zone != "" {
			stands += ", zone " + f.Zone
		}
		stands += " (locality in its bootstrap)"
	}
	switch {
	case near.By == translate.Anywhere:
		is.Says = stands + "; the policy prefers nothing for that (prefer)"
	case f.Region == "":
		is.Says = stands + ", so all endpoints are the same to it: let its bootstrap say where it stands (legate bootstrap envoy --region --zone)"
	case near.By == translate.ByRegion:
		is.Says = stands + "; prefer is region: endpoints in its region come first, then the rest"
	case f.Zone == "":
		is.Says = stands + " and says no zone; prefer is zone: endpoints in its region come first, then the rest"
	default:
		is.Says = stands + "; prefer is zone: endpoints in its zone come first, then those in its region, then the rest"
	}
	return &is
}

// seenBy leads to a service as a node sees it; empty if there is no such page.
func seenBy(service, node string) string {
	path := servicePath(service)
	if path == "" || node == "" {
		return ""
	}
	return path + "?" + url.Values{"node": {node}}.Encode()
}
