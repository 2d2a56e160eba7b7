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

// Releaser releases the holds of one service, of one config entry (kind/name) or, if the name is empty, all.
type Releaser interface {
	Release(ctx context.Context, service string) (released int)
}

// Held is the answer to a query for holds, and to a release.
type Held struct {
	Holds    []discovery.Hold `json:"holds"`
	Released int              `json:"released,omitempty"`
}

func (s *Server) holds(w http.ResponseWriter, r *http.Request) {
	s.answer(w, r, Held{Holds: append([]discovery.Hold{}, holdsOf(s.rooms.Consul)...)}) // [] in JSON, not null
}

// ReleaseHolds handles the call that releases: ?service=NAME for one service or config entry, ?all=true for all.
// One of the two is required. The answer says how many were released.
func ReleaseHolds(r Releaser) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if err := unknownParameter(req, []string{"service", "all"}); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		service, all := req.FormValue("service"), req.FormValue("all") == "true"
		if (service == "") != all {
			http.Error(w, "say which: service=NAME, or all=true", http.StatusBadRequest)
			return
		}
		n := r.Release(req.Context(), service)
		if n == 0 && !all {
			http.Error(w, fmt.Sprintf("nothing of the service %s is held; /api/v1/holds lists what is", quote.Name(service)), http.StatusNotFound)
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
