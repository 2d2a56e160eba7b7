package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"legate/discovery"
	"legate/internal/quote"
)

// ReleasePath is the path of the call that releases holds.
const ReleasePath = "/api/v1/holds/release"

// Releaser releases the holds of one service, of one config entry (kind/name) or, if the name is empty, all; or those of
// one site: a datacenter, or a peer such as cluster01.peer.
type Releaser interface {
	Release(ctx context.Context, service string) (released int)
	ReleaseSite(ctx context.Context, site string) (released int)
}

// Held is the answer to a query for holds, and to a release.
type Held struct {
	Holds    []discovery.Hold `json:"holds"`
	Released int              `json:"released,omitempty"`
}

func (s *Server) holds(w http.ResponseWriter, r *http.Request) {
	s.answer(w, r, Held{Holds: append([]discovery.Hold{}, holdsOf(s.rooms.Consul)...)}) // [] in JSON, not null
}

// ReleaseHolds handles the call that releases: ?service=NAME for one service or config entry, ?site=NAME for all of one
// datacenter or peer, ?all=true for all. One of the three is required. The answer says how many were released.
func ReleaseHolds(r Releaser) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if err := unknownParameter(req, []string{"service", "site", "all"}); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		service, site, all := req.FormValue("service"), req.FormValue("site"), req.FormValue("all") == "true"
		n := 0
		switch {
		case service != "" && site == "" && !all:
			n = r.Release(req.Context(), service)
		case service == "" && site != "" && !all:
			n = r.ReleaseSite(req.Context(), site)
		case service == "" && site == "" && all:
			answerReleased(w, r.Release(req.Context(), ""))
			return
		default:
			http.Error(w, "say which: service=NAME, site=NAME, or all=true", http.StatusBadRequest)
			return
		}
		if n == 0 {
			what := "service " + quote.Name(service)
			if site != "" {
				what = "site " + quote.Name(site)
			}
			http.Error(w, fmt.Sprintf("nothing of the %s is held; /api/v1/holds lists what is", what), http.StatusNotFound)
			return
		}
		answerReleased(w, n)
	})
}

// holdsOf returns the holds, with names cut to a bounded length.
func holdsOf(consul interface{ Holds() []discovery.Hold }) []discovery.Hold {
	holds := slices.Clone(consul.Holds())
	for i := range holds {
		holds[i].Service = quote.Cut(holds[i].Service, quote.DataBytes)
		holds[i].Entry = quote.Cut(holds[i].Entry, quote.DataBytes)
	}
	return holds
}

func answerReleased(w http.ResponseWriter, n int) {
	w.Header().Set("Content-Type", "application/json")
	body, err := json.Marshal(Held{Holds: []discovery.Hold{}, Released: n})
	if err != nil {
		http.Error(w, "the answer could not be encoded: "+err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(append(body, '\n')) // the client may have gone
}
