package admin

import (
	"fmt"
	"net/http"
)

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }

// readyz is about serving, not about Consul: when Consul goes away after the first complete
// read, the last known catalog is served, and sending the clients elsewhere would help nobody.
func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	if reason := s.notReady(); reason != "" {
		http.Error(w, "not ready: "+reason, http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}

// notReady says in words why there is nothing to serve yet; empty if there is.
func (s *Server) notReady() string {
	if s.rooms.Bridge.State().Ready() {
		return ""
	}
	c := s.rooms.Consul.Status()
	switch {
	case len(c.Problems) > 0:
		p := c.Problems[0]
		return fmt.Sprintf("consul at %s: %s: %s", c.Address, p.Detail, p.Remedy)
	case c.FirstSync.Total > 0:
		return fmt.Sprintf("reading consul at %s: %d of %d services so far", c.Address, c.FirstSync.Done, c.FirstSync.Total)
	default:
		return fmt.Sprintf("waiting for the first answer of consul at %s", c.Address)
	}
}
