package admin

import (
	"encoding/json"
	"net/http"

	"legate/internal/quote"
	"legate/translate/policy"
)

// service says what holds for one service: its policy, each field with its source, and what does not count.
func (s *Server) service(w http.ResponseWriter, r *http.Request) {
	state, name := s.rooms.Bridge.State(), r.PathValue("name")
	if !state.Ready() {
		http.Error(w, "nothing is served yet: "+s.notReady(), http.StatusServiceUnavailable)
		return
	}
	e, problems, served := state.Resources.Policy(name)
	if !served {
		http.Error(w, "service "+quote.Name(name)+" is not served; /api/v1/status says what is left out", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	text, err := json.MarshalIndent(struct {
		Policy policy.Explanation `json:"policy"`
	}{policy.Explain(name, e, problems)}, "", "  ")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(append(text, '\n')) // the client may have gone
}
