package discovery

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

func TestOverHTTPSFewConnectionsAreShared(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{HTTPS: true})
	fill(t, consul, 450)
	gate := newTurnstile(t, consul.HTTPSAddr)
	cfg := configFor(consul)
	cfg.Consul.Address, cfg.Consul.TLS.CAFile = "https://"+gate.addr, consul.Certs.CAFile
	r := start(t, cfg)
	r.await("all are there", func(c catalog.Catalog) bool { return len(c.Services) == 450 })
	register(t, consul, "n", "10.0.0.1", &api.AgentService{Service: "svc-449", ID: "second", Port: 2})
	r.await("and are watched", r.has("svc-449", catalog.Passing, catalog.Passing))
	if s := r.Status(); !s.HTTP2 || s.Swept != 0 || s.Direct != 450 {
		t.Errorf("status: %+v", s)
	}
	if _, most, all := gate.counts(); most > 2 || all > 2 {
		t.Errorf("450 services took %d connections at once, %d in all; 2 of 250 requests each are enough", most, all)
	}
}

func TestPlainHTTPStaysWithinItsConnections(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{})
	fill(t, consul, 250)
	gate := newTurnstile(t, consul.Addr)
	cfg := configFor(consul)
	cfg.Consul.Address = gate.addr
	r := start(t, cfg)
	r.await("all are there", func(c catalog.Catalog) bool { return len(c.Services) == 250 })
	if s := r.Status(); s.Direct != 89 || s.Swept != 161 || len(s.Problems) != 1 {
		t.Errorf("status: %+v", s)
	}
	begin := time.Now()
	register(t, consul, "n", "10.0.0.1", &api.AgentService{Service: "svc-000", ID: "second", Port: 2})
	r.await("a service with a connection changes", r.has("svc-000", catalog.Passing, catalog.Passing))
	direct := time.Since(begin)
	for n := 100; n < 250; n++ {
		register(t, consul, "n", "10.0.0.1", &api.AgentService{Service: name(n), ID: name(n) + "-2", Port: 2})
	}
	begin = time.Now()
	r.await("all that are read in turn change", func(c catalog.Catalog) bool {
		for n := 100; n < 250; n++ {
			if !r.has(name(n), catalog.Passing, catalog.Passing)(c) {
				return false
			}
		}
		return true
	})
	t.Logf("direct %v, all of the swept %v", direct, time.Since(begin))
	if _, _, err := consul.Client().Catalog().Services(nil); err != nil {
		t.Errorf("another client is locked out: %v", err)
	}
	deregister(t, consul, "n", "svc-200")
	deregister(t, consul, "n", "svc-200-2")
	r.await("one that is read in turn goes", func(c catalog.Catalog) bool {
		s, ok := r.service(c, "svc-200")
		return !ok || len(s.Instances) == 0
	})
	if open, most, all := gate.counts(); most > cfg.Consul.MaxConnections {
		t.Errorf("%d connections at once, %d open now, %d in all; %d are allowed", most, open, all, cfg.Consul.MaxConnections)
	}
	if n := r.log.Count("more services than connections"); n != 1 {
		t.Errorf("%d warnings about connections, want 1", n)
	}
}

func TestOverAUnixSocket(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{UnixSocket: true})
	must(t, consul.Register(t.Context(), parts.Instance{Service: "web", Port: 80}))
	cfg := configFor(consul)
	cfg.Consul.Address = "unix://" + consul.Socket
	r := start(t, cfg)
	r.await("web is there", r.has("web", catalog.Passing))
}

func TestWithACLs(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{ACL: true})
	must(t, consul.Register(t.Context(), parts.Instance{Service: "web", Port: 80}))
	good, agentless := tokenFor(t, consul, `service_prefix "" { policy = "read" } node_prefix "" { policy = "read" } agent_prefix "" { policy = "read" }`),
		tokenFor(t, consul, `service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }`)

	t.Run("a token that may read sees the services", func(t *testing.T) {
		cfg := configFor(consul)
		cfg.Consul.Token = good
		r := start(t, cfg)
		r.await("web is there", r.has("web", catalog.Passing))
	})
	t.Run("without agent:read the datacenter must be named", func(t *testing.T) {
		cfg := configFor(consul)
		cfg.Consul.Token = agentless
		w, err := New(cfg, nil, nil)
		must(t, err)
		if err := w.Run(t.Context(), make(chan catalog.Delta)); err == nil || !strings.Contains(err.Error(), "--datacenter") {
			t.Errorf("Run: %v", err)
		}
		cfg.Consul.Datacenter = "dc1"
		r := start(t, cfg)
		r.await("and then it works", r.has("web", catalog.Passing))
	})
	t.Run("without a token an empty list is not believed", func(t *testing.T) {
		cfg := configFor(consul)
		cfg.Consul.Token, cfg.Consul.Datacenter = "", "dc1"
		r := start(t, cfg)
		eventually(t, "the status says why", func() bool {
			p := r.Status().Problems
			return len(p) == 1 && p[0].Kind == "filtered" && strings.Contains(p[0].Detail, "token")
		})
		if _, n := r.now(); n > 0 {
			t.Error("something was handed out")
		}
	})
	t.Run("a token that sees a part is served that if it was said, and told of", func(t *testing.T) {
		register(t, consul, "n2", "10.0.0.2", &api.AgentService{Service: "db", Port: 5432})
		defer deregister(t, consul, "n2", "db")
		cfg := configFor(consul)
		cfg.Consul.Token, cfg.Consul.Datacenter = tokenFor(t, consul, `service_prefix "" { policy = "read" } node "n2" { policy = "read" }`), "dc1"
		unsaid := start(t, cfg)
		eventually(t, "unsaid, it may have lost its rights", func() bool {
			p := unsaid.Status().Problems
			return len(p) == 1 && p[0].Kind == "filtered" && strings.Contains(p[0].Remedy, "--consul-filtered-expected")
		})
		if _, n := unsaid.now(); n > 0 {
			t.Error("something was handed out")
		}
		cfg.Watch.FilteredExpected = true
		r := start(t, cfg)
		r.await("only db is seen", func(c catalog.Catalog) bool { return slices.Equal(names(c), []string{"db:1"}) })
		if p := r.Status().Problems; len(p) != 1 || p[0].Kind != "hidden" {
			t.Errorf("problems: %+v", p)
		}
		if n := r.log.Count("consul hides"); n != 1 {
			t.Errorf("%d lines, want 1", n)
		}
	})
	t.Run("a token file is read again when it changes", func(t *testing.T) {
		file := t.TempDir() + "/token"
		must(t, os.WriteFile(file, []byte("00000000-0000-0000-0000-000000000000\n"), 0o600))
		cfg := configFor(consul)
		cfg.Consul.Token, cfg.Consul.TokenFile, cfg.Consul.Datacenter = "", file, "dc1"
		r := start(t, cfg)
		eventually(t, "the wrong token is denied", func() bool {
			p := r.Status().Problems
			return len(p) == 1 && p[0].Kind == "denied"
		})
		must(t, os.WriteFile(file, []byte(good+"\n"), 0o600))
		r.await("the right one is not", r.has("web", catalog.Passing))
		must(t, os.WriteFile(file, nil, 0o600))
		must(t, consul.Register(t.Context(), parts.Instance{ID: "2", Service: "web", Port: 81}))
		r.await("an emptied file leaves the last good one", r.has("web", catalog.Passing, catalog.Passing))
	})
	t.Run("a token file on a disk that hangs holds no query up", func(t *testing.T) {
		file := t.TempDir() + "/token"
		must(t, os.WriteFile(file, []byte(good+"\n"), 0o600))
		cfg := configFor(consul)
		cfg.Consul.Token, cfg.Consul.TokenFile, cfg.Consul.Datacenter, cfg.Consul.Wait = "", file, "dc1", time.Second
		r := start(t, cfg)
		r.await("web is there", r.has("web", catalog.Passing, catalog.Passing))
		must(t, syscall.Mkfifo(file+".new", 0o600)) // nobody writes to it: who reads it waits for ever
		must(t, os.Rename(file+".new", file))
		must(t, consul.Register(t.Context(), parts.Instance{ID: "hang", Service: "web", Port: 82}))
		r.await("changes are seen with the last token", r.has("web", catalog.Passing, catalog.Passing, catalog.Passing))
		eventually(t, "the file is named", func() bool {
			p := r.Status().Problems
			return len(p) == 1 && p[0].Kind == "unusable_file" && strings.Contains(p[0].Detail, file) && strings.Contains(p[0].Detail, "does a disk hang?")
		})
		must(t, os.WriteFile(file+".new", []byte(good+"\n"), 0o600))
		disk, err := os.OpenFile(file, os.O_WRONLY, 0)
		must(t, err)
		must(t, os.Rename(file+".new", file))
		must(t, disk.Close())
		eventually(t, "the disk is back", func() bool { return len(r.Status().Problems) == 0 })
		must(t, consul.Deregister(t.Context(), "hang"))
		r.await("and goes on", r.has("web", catalog.Passing, catalog.Passing))
	})
	t.Run("a token that loses its rights takes nothing away", func(t *testing.T) {
		token := tokenFor(t, consul, `service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }`)
		cfg := configFor(consul)
		cfg.Consul.Token, cfg.Consul.Datacenter, cfg.Consul.Wait = token, "dc1", time.Second
		r := start(t, cfg)
		r.await("web is there", r.has("web", catalog.Passing, catalog.Passing))
		acl := consul.Client().ACL()
		self, _, err := acl.TokenReadSelf(&api.QueryOptions{Token: token})
		must(t, err)
		policy, _, err := acl.PolicyRead(self.Policies[0].ID, nil)
		must(t, err)
		policy.Rules = `key_prefix "" { policy = "read" }`
		_, _, err = acl.PolicyUpdate(policy, nil)
		must(t, err)
		eventually(t, "the status tells", func() bool { return len(r.Status().Problems) > 0 })
		r.stays(3 * time.Second)
	})
}

func TestConsulMayAskForACertificate(t *testing.T) {
	agent := partstest.Consul(t, parts.ConsulOptions{HTTPS: true, HCL: `tls { https { verify_incoming = true } }`})
	must(t, agent.Register(t.Context(), parts.Instance{Service: "web", Port: 80}))
	cfg := configFor(agent)
	cfg.Consul.Address, cfg.Consul.Scheme = agent.HTTPSAddr, "https"
	cfg.Consul.TLS = consul.TLS{CAFile: agent.Certs.CAFile, CertFile: agent.Certs.CertFile, KeyFile: agent.Certs.KeyFile, ServerName: "localhost"}
	r := start(t, cfg)
	r.await("web is there", r.has("web", catalog.Passing))

	for name, spoil := range map[string]func(*consul.TLS){
		"without the certificate":   func(c *consul.TLS) { c.CertFile, c.KeyFile = "", "" },
		"without the authority":     func(c *consul.TLS) { c.CAFile = "" },
		"with another name than it": func(c *consul.TLS) { c.ServerName = "elsewhere.example" },
	} {
		bad := cfg
		spoil(&bad.Consul.TLS)
		w, err := New(bad, nil, nil)
		must(t, err)
		if _, err := w.Read(t.Context()); consul.FailureOf(err) != consul.Unreachable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// tokenFor makes a token with one policy of its own.
func tokenFor(t *testing.T, consul *parts.Consul, rules string) string {
	t.Helper()
	acl := consul.Client().ACL()
	policy, _, err := acl.PolicyCreate(&api.ACLPolicy{Name: fmt.Sprintf("p%d", time.Now().UnixNano()), Rules: rules}, nil)
	must(t, err)
	token, _, err := acl.TokenCreate(&api.ACLToken{Policies: []*api.ACLLink{{ID: policy.ID}}}, nil)
	must(t, err)
	return token.SecretID
}
