package chaos_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// Policies of Legate's token: the right one, and mistakes.
const (
	readAll  = `service_prefix "" { policy = "read" } node_prefix "" { policy = "read" } agent_prefix "" { policy = "read" }`
	readShop = `service "shop" { policy = "read" } node_prefix "" { policy = "read" } agent_prefix "" { policy = "read" }`
	noNodes  = `service_prefix "" { policy = "read" } agent_prefix "" { policy = "read" }`
)

// newACLScene has one server that denies by default, and a Legate with a token from a file.
func newACLScene(t *testing.T) *scene {
	s := newRights(t, partstest.Consul(t, parts.ConsulOptions{Persistent: true, ACL: true, Node: "one", HCL: fmt.Sprintf("data_dir = %q", t.TempDir())}))
	s.plug(t)
	s.populate(t)
	s.serve(t, "--consul-addr", s.wire.addr(), "--consul-token-file", s.token)
	return s
}

// newRights returns a scene that has only a Consul with ACLs, and a token for Legate that may read everything.
func newRights(t *testing.T, c *parts.Consul) *scene {
	t.Helper()
	s := &scene{consul: c, servers: []*parts.Consul{c}, token: filepath.Join(t.TempDir(), "token")}
	p, _, err := c.Client().ACL().PolicyCreate(&api.ACLPolicy{Name: "legate", Rules: readAll}, nil)
	must(t, err)
	s.policy = p.ID
	s.writeToken(t, s.newToken(t, 0).SecretID)
	return s
}

func (s *scene) newToken(t testing.TB, ttl time.Duration) *api.ACLToken {
	t.Helper()
	token, _, err := s.consul.Client().ACL().TokenCreate(&api.ACLToken{
		Policies: []*api.ACLTokenPolicyLink{{ID: s.policy}}, ExpirationTTL: ttl,
	}, nil)
	must(t, err)
	return token
}

// writeToken writes Legate's token file, as a program that rotates tokens does.
func (s *scene) writeToken(t testing.TB, secret string) {
	t.Helper()
	must(t, os.WriteFile(s.token+".new", []byte(secret+"\n"), 0o600))
	must(t, os.Rename(s.token+".new", s.token))
}

// ownToken returns Legate's current token.
func (s *scene) ownToken(t testing.TB) *api.ACLToken {
	t.Helper()
	secret, err := os.ReadFile(s.token)
	must(t, err)
	token, _, err := s.consul.Client().ACL().TokenReadSelf(&api.QueryOptions{Token: strings.TrimSpace(string(secret))})
	must(t, err)
	return token
}

func (s *scene) setPolicy(t testing.TB, rules string) {
	t.Helper()
	_, _, err := s.consul.Client().ACL().PolicyUpdate(&api.ACLPolicy{ID: s.policy, Name: "legate", Rules: rules}, nil)
	must(t, err)
}

// aclFaults change what Legate may see.
func aclFaults() []fault {
	policy := func(name, rules, how string) fault {
		return fault{name: name, how: "ACL API: " + how, do: func(t *testing.T, s *scene) {
			s.setPolicy(t, rules)
			hold(20 * time.Second)
			s.setPolicy(t, readAll)
		}}
	}
	return []fault{
		{name: "token deleted", how: "ACL API: Legate's token is deleted, and made again after 15 s", do: func(t *testing.T, s *scene) {
			token, acl := s.ownToken(t), s.consul.Client().ACL()
			_, err := acl.TokenDelete(token.AccessorID, nil)
			must(t, err)
			hold(15 * time.Second)
			_, _, err = acl.TokenCreate(&api.ACLToken{AccessorID: token.AccessorID, SecretID: token.SecretID, Policies: token.Policies}, nil)
			must(t, err)
		}},
		{name: "token expired", how: "ACL API: Legate's token has a minute to live; a new one comes into the file after 75 s", do: func(t *testing.T, s *scene) {
			s.writeToken(t, s.newToken(t, time.Minute).SecretID)
			hold(75 * time.Second)
			s.writeToken(t, s.newToken(t, 0).SecretID)
		}},
		policy("policy narrowed", readShop, "the policy allows one service of seven, for 20 s"),
		policy("node:read lost", noNodes, "the policy allows no nodes, for 20 s"),
		policy("all rights lost", `agent_prefix "" { policy = "read" }`, "the policy allows neither services nor nodes, for 20 s"),
		{name: "token file emptied", how: "the file is cut to nothing for 10 s", do: func(t *testing.T, s *scene) {
			secret, err := os.ReadFile(s.token)
			must(t, err)
			must(t, os.Truncate(s.token, 0))
			hold(10 * time.Second)
			must(t, os.WriteFile(s.token, secret, 0o600))
		}},
		{name: "token rotated while streaming", how: "a new token comes into the file, the old one is deleted at once", do: func(t *testing.T, s *scene) {
			old := s.ownToken(t)
			s.writeToken(t, s.newToken(t, 0).SecretID)
			_, err := s.consul.Client().ACL().TokenDelete(old.AccessorID, nil)
			must(t, err)
		}},
		{name: "default policy flipped", how: "Legate has no token; the agent is restarted with default_policy deny instead of allow, and back after 15 s", restarts: true,
			before: func(t *testing.T, s *scene) {
				s.defaultPolicy(t, "allow")
				s.plainArgs = slices.Clone(s.legate.Args)
				at := slices.Index(s.legate.Args, "--consul-token-file")
				s.relaunch(t, s.legate.Path, slices.Delete(slices.Clone(s.legate.Args), at, at+2))
			},
			after: func(t *testing.T, s *scene) {
				s.relaunch(t, s.legate.Path, s.plainArgs)
				s.defaultPolicy(t, "deny")
			},
			do: func(t *testing.T, s *scene) {
				s.defaultPolicy(t, "deny")
				hold(15 * time.Second)
				s.defaultPolicy(t, "allow")
			}},
	}
}

// defaultPolicy restarts the agent with this policy.
func (s *scene) defaultPolicy(t testing.TB, policy string) {
	t.Helper()
	extra := filepath.Join(filepath.Dir(s.consul.Log()), "config", "30-policy.hcl")
	must(t, errors.Join(
		os.WriteFile(extra, fmt.Appendf(nil, "acl { default_policy = %q }\n", policy), 0o600),
		s.consul.Stop(), s.consul.Start(t.Context())))
}
