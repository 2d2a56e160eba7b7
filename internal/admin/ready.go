package admin

import (
	"fmt"
	"net/http"

	"legate/internal/quote"
)

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }

// readyz is about serving, not about Consul: when Consul goes away after the first complete
// read, the last known catalog is served, and sending the clients elsewhere would help nobody. That
// catalog may also be one from disk, then with a word about it, until it is too old. Reasons are for
// who knows Legate's name.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	if !s.hosts.knows(r) {
		s.probe(w, r)
		return
	}
	said, ready := s.Readiness()
	if !ready {
		http.Error(w, said, http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, said)
}

// probe is readyz for who may not hear the reason.
func (s *Server) probe(w http.ResponseWriter, _ *http.Request) {
	if _, ready := s.Readiness(); !ready {
		http.Error(w, "not ready", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}

// Readiness says in words whether there is something to serve, and if not, why.
func (s *Server) Readiness() (said string, ready bool) {
	if reason := s.notReady(); reason != "" {
		return "not ready: " + reason + s.besides(), false
	}
	said = "ready"
	if stale := s.stale(); stale != "" {
		said += ", stale: " + stale
	}
	return said + s.besides(), true
}

// besides says in words what is not well with Legate itself, which is no reason not to be ready.
func (s *Server) besides() string {
	if own := inWords(s.own()); own != "" {
		return "; " + own
	}
	return ""
}

// stale says in words what is served in Consul's place, and why; empty if Consul was read.
func (s *Server) stale() string {
	served := s.rooms.LastKnown.Status().Age(s.now())
	if served == "" {
		return ""
	}
	return "serving " + served + ": " + s.waiting()
}

// notReady says in words why there is nothing to serve yet; empty if there is.
func (s *Server) notReady() string {
	if s.rooms.Stopping() {
		return "legate was told to stop, and serves only who is connected"
	}
	if !s.rooms.Bridge.State().Ready() {
		return s.waiting()
	}
	if s.rooms.LastKnown.Status().Expired {
		return s.stale() + " (it is older than --last-known-max-age)"
	}
	return ""
}

// waiting says in words what is missing until Consul was read completely.
func (s *Server) waiting() string {
	c := s.rooms.Consul.Status()
	switch {
	case len(c.Problems) > 0:
		p := c.Problems[0]
		return fmt.Sprintf("consul at %s: %s: %s", c.Address, quote.Text(p.Detail, quote.TextBytes), p.Remedy)
	case c.FirstSync.Total > 0:
		return fmt.Sprintf("reading consul at %s: %d of %d services so far", c.Address, c.FirstSync.Done, c.FirstSync.Total)
	default:
		return fmt.Sprintf("waiting for the first answer of consul at %s", c.Address)
	}
}
