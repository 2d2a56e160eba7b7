package chaos_test

import (
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
)

// readFar is what Legate's token may do where it serves peers, too.
const readFar = readAll + ` peering = "read"`

// newFarACLScene is a far scene with ACLs, and a Legate with a token from a file.
func newFarACLScene(t *testing.T) *scene {
	s := raiseFar(t, parts.ConsulOptions{Persistent: true, ACL: true})
	rights := newRights(t, s.far.three)
	s.token, s.policy = rights.token, rights.policy
	s.setPolicyIn(t)
	s.serveFar(t, "--consul-token-file", s.token)
	return s
}

// setPolicyIn has Legate's policy apply in these datacenters only; in all, if none is named.
func (s *scene) setPolicyIn(t testing.TB, datacenters ...string) {
	t.Helper()
	_, _, err := s.far.three.Client().ACL().PolicyUpdate(&api.ACLPolicy{ID: s.policy, Name: "legate", Rules: readFar, Datacenters: datacenters}, nil)
	must(t, err)
}

// farACLFaults take rights in another datacenter only.
func farACLFaults() []fault {
	return []fault{
		{name: "rights lost in dc2 only", how: "ACL API: Legate's policy applies in dc1 and dc3 only, for 40 s: dc2 answers 200 with nothing", do: func(t *testing.T, s *scene) {
			s.setPolicyIn(t, "dc1", "dc3")
			s.meanwhile(t)
			s.hears(t, s.far.three)
			hold(40 * time.Second)
			s.setPolicyIn(t)
			s.hears(t, s.far.two)
		}},
		{name: "token unknown in dc2 only", how: "dc2's Consul killed, its data deleted, started while the primary datacenter is cut off: it knows no tokens; after 20 s the network is whole again, and its services come back", do: func(t *testing.T, s *scene) {
			s.far.Cut(s.far.three)
			must(t, s.far.two.Kill())
			must(t, s.far.two.Wipe())
			started := make(chan error, 1)
			go func() { started <- s.far.two.Start(t.Context()) }() // it returns when tokens are known
			s.meanwhile(t)
			hold(20 * time.Second)
			s.far.Mend(s.far.three)
			must(t, <-started)
			must(t, soon(t.Context(), 30*time.Second, func() error { return s.registerFar(t, s.far.two) }))
			s.hears(t, s.far.two)
			s.hears(t, s.far.three)
		}},
	}
}
