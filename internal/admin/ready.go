package admin

import (
	"fmt"
	"net/http"

	"legate/internal/quote"
)

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }

// readyz reports whether Legate can serve, not whether Consul answers. When Consul goes away after
// the first complete read, the last believed catalog stays served, and sending clients elsewhere
// would not help. A catalog from disk counts as well until it is too old; the answer then says so.
// Only clients that name Legate as their host are told reasons.
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

// probe is readyz without the reason.
func (s *Server) probe(w http.ResponseWriter, _ *http.Request) {
	if _, ready := s.Readiness(); !ready {
		http.Error(w, "not ready", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}

// Readiness says in words whether there is something to serve and, if not, why.
func (s *Server) Readiness() (said string, ready bool) {
	if reason := s.notReady(); reason != "" {
		return "not ready: " + reason + s.ownTroubles(), false
	}
	said = "ready"
	if stale := s.stale(); stale != "" {
		said += ", stale: " + stale
	}
	return said + s.ownTroubles(), true
}

// ownTroubles says in words what is wrong with Legate itself. None of it makes Legate not ready.
func (s *Server) ownTroubles() string {
	if own := inWords(s.own()); own != "" {
		return "; " + own
	}
	return ""
}

// stale says in words what is served instead of Consul's catalog, and why; empty if Consul was
// read.
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
		return "legate was told to stop, and serves only connected clients"
	}
	if !s.rooms.Bridge.State().Ready() {
		return s.waiting()
	}
	if s.rooms.LastKnown.Status().Expired {
		return s.stale() + " (it is older than --last-known-max-age)"
	}
	return ""
}

// waiting says in words what is missing for the first complete read of Consul.
func (s *Server) waiting() string {
	c := s.rooms.Consul.Status()
	problems := ownProblems(c)
	switch {
	case len(problems) > 0:
		p := problems[0]
		return fmt.Sprintf("consul at %s: %s: %s", c.Address, quote.Text(p.Detail, quote.TextBytes), p.Remedy)
	case c.FirstSync.Total > 0:
		return fmt.Sprintf("reading consul at %s: %d of %d services so far", c.Address, c.FirstSync.Done, c.FirstSync.Total)
	default:
		return fmt.Sprintf("waiting for the first answer of consul at %s", c.Address)
	}
}
