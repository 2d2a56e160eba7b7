package admin

import (
	"fmt"
	"strings"
	"time"
)

// Trouble is something that is not well with Legate itself.
type Trouble struct {
	Kind   string    `json:"kind"` // configuration, restart, certificate, clients, dns, slow
	Since  time.Time `json:"since,omitzero"`
	Detail string    `json:"detail"`
	Remedy string    `json:"remedy"`
}

// lonely is how long after its last stream a Legate says that nobody is there: longer ago, nobody
// is expected to be.
const lonely = time.Hour

// own is what is not well with Legate itself now.
func (s *Server) own() []Trouble {
	all := append([]Trouble{}, s.rooms.Own()...) // [] in JSON, not null
	now := s.now()
	if left := s.rooms.XDS.Left(); !left.IsZero() && now.Sub(left) < lonely && !s.rooms.Stopping() {
		all = append(all, Trouble{"clients", left, "no client is connected since " + left.UTC().Format(time.RFC3339) + ", and there were some",
			"look at the clients' logs (Envoy's stat control_plane.connected_state is 0), and at --xds-listen, firewalls and certificates between; nothing, if they moved to another replica"})
	}
	if took, at := s.rooms.Slowest(); took > 0 {
		all = append(all, Trouble{"slow", at, fmt.Sprintf("a change took %v from Consul's answer until it was sent, at %s", took.Round(10*time.Millisecond), at.UTC().Format(time.RFC3339)),
			"look whether a limit of CPU is reached, and at streams that are STALE: a client that reads slowly gets its changes late"})
	}
	return all
}

// inWords are troubles in one line.
func inWords(all []Trouble) string {
	var said []string
	for _, t := range all {
		said = append(said, t.Detail+": "+t.Remedy)
	}
	return strings.Join(said, "; ")
}

// ofItself is what is not well with Legate itself.
func ofItself(s Status) []concern {
	var all []concern
	nth := map[string]int{} // of a kind: what a detail says changes while the trouble is the same
	for _, t := range s.Own {
		nth[t.Kind]++
		all = append(all, concern{Key: fmt.Sprint("own/", t.Kind, "/", nth[t.Kind]), Severity: warning, What: titleOfOwn(t.Kind), Detail: t.Detail, Remedy: t.Remedy})
	}
	return all
}

func titleOfOwn(kind string) string {
	switch kind {
	case "configuration":
		return "Legate's configuration file is rejected"
	case "restart":
		return "Legate needs a restart"
	case "certificate":
		return "Legate's certificate"
	case "clients":
		return "No client is connected"
	case "dns":
		return "Host names that DNS does not confirm"
	case "slow":
		return "Changes are passed on slowly"
	}
	return kind
}
