package admin

import (
	"fmt"
	"strings"
	"time"
)

// Trouble is something wrong with Legate itself.
type Trouble struct {
	Kind   string    `json:"kind"` // configuration, restart, renamed, certificate, registration, clients, dns, slow
	Since  time.Time `json:"since,omitzero"`
	Detail string    `json:"detail"`
	Remedy string    `json:"remedy"`
}

// noClientsFor is how long after its last stream Legate reports that no client is connected. Later,
// none is expected.
const noClientsFor = time.Hour

// own returns what is wrong with Legate itself now.
func (s *Server) own() []Trouble {
	all := append([]Trouble{}, s.rooms.Own()...) // [] in JSON, not null
	now := s.now()
	if left := s.rooms.XDS.Left(); !left.IsZero() && now.Sub(left) < noClientsFor && !s.rooms.Stopping() {
		all = append(all, Trouble{"clients", left, "no client is connected since " + left.UTC().Format(time.RFC3339) + ", and there were some",
			"check the clients' logs (Envoy's stat control_plane.connected_state is 0), --xds-listen, firewalls and certificates; if they moved to another replica, nothing is wrong"})
	}
	if took, at := s.rooms.Slowest(); took > 0 {
		all = append(all, Trouble{"slow", at, fmt.Sprintf("a change took %v from Consul's answer until it was sent, at %s", took.Round(10*time.Millisecond), at.UTC().Format(time.RFC3339)),
			"check whether a CPU limit is reached, and which streams are STALE: a client that reads slowly gets its changes late"})
	}
	return all
}

// inWords joins troubles in one line.
func inWords(all []Trouble) string {
	var said []string
	for _, t := range all {
		said = append(said, t.Detail+": "+t.Remedy)
	}
	return strings.Join(said, "; ")
}

// ofItself returns the concerns about Legate itself.
func ofItself(s Status) []concern {
	var all []concern
	nth := map[string]int{} // counts within a kind: the key must not depend on the detail, which can change
	for _, t := range s.Own {
		nth[t.Kind]++
		all = append(all, concern{Key: fmt.Sprint("own/", t.Kind, "/", nth[t.Kind]), Severity: warning, What: plain(titleOfOwn(t.Kind)), Detail: t.Detail, Remedy: t.Remedy})
	}
	return all
}

func titleOfOwn(kind string) string {
	switch kind {
	case "configuration":
		return "Legate's configuration file is rejected"
	case "renamed":
		return "Legate's settings have other names"
	case "restart":
		return "Legate needs a restart"
	case "certificate":
		return "Legate's certificate"
	case "registration":
		return "Legate's registration in Consul"
	case "clients":
		return "No client is connected"
	case "dns":
		return "Host names that DNS does not confirm"
	case "slow":
		return "Changes are passed on slowly"
	}
	return kind
}
