package discovery

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/discovery/catalog"
	"legate/discovery/guard"
	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// entriesConfig is the guard as users have it, with shorter times.
func entriesConfig(c *parts.Consul) Config {
	cfg := configFor(c)
	cfg.Guard, cfg.Watch.Canary = guard.DefaultConfig(), DefaultConfig().Watch.Canary
	cfg.Guard.Confirm = time.Second
	return cfg
}

// write writes a config entry, as consul config write does.
func write(t *testing.T, c *parts.Consul, e api.ConfigEntry) {
	t.Helper()
	_, _, err := c.Client().ConfigEntries().Set(e, nil)
	must(t, err)
}

// erase deletes one.
func erase(t *testing.T, c *parts.Consul, key catalog.EntryKey) {
	t.Helper()
	_, err := c.Client().ConfigEntries().Delete(key.Kind, key.Name, nil)
	must(t, err)
}

func serviceDefaults(name, protocol string) *api.ServiceConfigEntry {
	return &api.ServiceConfigEntry{Kind: api.ServiceDefaults, Name: name, Protocol: protocol}
}

func defaultsOf(name string) catalog.EntryKey {
	return catalog.EntryKey{Kind: catalog.ServiceDefaults, Name: name}
}

// speaks says that there is an entry with this protocol.
func speaks(key catalog.EntryKey, protocol string) func(catalog.Catalog) bool {
	return func(c catalog.Catalog) bool {
		e, is := c.Entries[key]
		return is && e.Protocol == protocol
	}
}

func silentAbout(key catalog.EntryKey) func(catalog.Catalog) bool {
	return func(c catalog.Catalog) bool { _, is := c.Entries[key]; return !is }
}

// A person writes, changes and deletes entries.
func TestRealConfigEntriesAreFollowed(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{})
	must(t, consul.Register(t.Context(), parts.Instance{Service: "web", Port: 80}))
	write(t, consul, serviceDefaults("web", "grpc"))
	r := start(t, entriesConfig(consul))
	r.await("the first delta is there", func(catalog.Catalog) bool { return true })
	r.mu.Lock()
	first := catalog.Catalog{}.Apply(r.deltas[0])
	r.mu.Unlock()
	if !speaks(defaultsOf("web"), "grpc")(first) || !r.has("web", catalog.Passing)(first) {
		t.Errorf("the first delta is not complete: %+v", first)
	}

	began := time.Now()
	write(t, consul, serviceDefaults("Web", "http2"))
	r.await("it is changed", speaks(defaultsOf("web"), "http2"))
	t.Logf("a change was seen after %v", time.Since(began))
	write(t, consul, &api.ProxyConfigEntry{Kind: api.ProxyDefaults, Name: api.ProxyConfigGlobal, Config: map[string]any{"protocol": "http"}})
	write(t, consul, &api.ServiceResolverConfigEntry{Kind: api.ServiceResolver, Name: "web", ConnectTimeout: 3 * time.Second,
		LoadBalancer: &api.LoadBalancer{Policy: "maglev"}})
	global := catalog.EntryKey{Kind: catalog.ProxyDefaults, Name: catalog.GlobalEntry}
	r.await("the other kinds", func(c catalog.Catalog) bool {
		e := c.Entries[catalog.EntryKey{Kind: catalog.ServiceResolver, Name: "web"}]
		return speaks(global, "http")(c) && e.ConnectTimeout == 3*time.Second && e.LoadBalancer != nil && e.LoadBalancer.Policy == "maglev"
	})
	eventually(t, "the status counts", func() bool {
		n := r.Status().Entries
		return n[catalog.ProxyDefaults] == 1 && n[catalog.ServiceDefaults] == 1 && n[catalog.ServiceResolver] == 1
	})

	began = time.Now()
	erase(t, consul, global)
	eventually(t, "a deletion is held at first", func() bool { return len(r.Holds()) == 1 })
	if h := r.Holds()[0]; h.Entry != "proxy-defaults/global" || h.Service != "" || h.Why != "entry" {
		t.Errorf("%+v", h)
	}
	r.await("and believed", silentAbout(global))
	took := time.Since(began)
	t.Logf("a deletion was believed after %v", took)
	if took < time.Second || took > 6*time.Second {
		t.Errorf("a deletion was believed after %v, want little more than 1s", took)
	}
	eventually(t, "the hold is over", func() bool { return len(r.Holds()) == 0 })
	if p := r.Status().Problems; len(p) > 0 {
		t.Errorf("problems: %+v", p)
	}
}

// A token loses its rights, and so sees lists without entries. Nothing changes, until they are back.
func TestATokenThatLosesItsRightsTakesNoConfigEntryAway(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{ACL: true})
	must(t, consul.Register(t.Context(), parts.Instance{Service: "web", Port: 80}))
	write(t, consul, serviceDefaults("web", "grpc"))
	write(t, consul, serviceDefaults("db", "tcp"))
	const rules = `service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }`
	token := tokenFor(t, consul, rules)
	cfg := entriesConfig(consul)
	cfg.Consul.Token, cfg.Consul.Datacenter, cfg.Consul.Wait = token, "dc1", time.Second // a query that waits keeps its rights
	r := start(t, cfg)
	both := func(c catalog.Catalog) bool {
		return speaks(defaultsOf("web"), "grpc")(c) && speaks(defaultsOf("db"), "tcp")(c)
	}
	r.await("both are there", both)

	allow(t, consul, token, `service "web" { policy = "read" } node_prefix "" { policy = "read" }`)
	write(t, consul, serviceDefaults("web", "http2")) // wakes the query: the list has web alone, with a new index
	hidden := func() bool {
		return slices.ContainsFunc(r.Holds(), func(h Hold) bool { return h.Entry == "service-defaults/db" && h.Why == "entry_hidden" })
	}
	eventually(t, "a hold is shown", hidden)
	r.await("what can be read is followed", speaks(defaultsOf("web"), "http2"))
	eventually(t, "the status says what is missing", func() bool {
		return slices.ContainsFunc(r.Status().Problems, func(p catalog.Problem) bool {
			return p.Kind == "held_entry_hidden" && strings.Contains(p.Remedy, `service_prefix "" { policy = "read" }`)
		})
	})
	r.stays(4 * time.Second)
	if !hidden() {
		t.Errorf("holds: %+v", r.Holds())
	}

	allow(t, consul, token, rules)
	eventually(t, "with the rights it is over", func() bool { return len(r.Holds()) == 0 && len(r.Status().Problems) == 0 })
	if c, _ := r.now(); !speaks(defaultsOf("db"), "tcp")(c) {
		t.Errorf("db: %+v", c.Entries)
	}
	if n := r.log.Count("consul does not tell all config entries"); n != 1 {
		t.Errorf("%d lines about that, want 1", n)
	}

	allow(t, consul, token, `key_prefix "" { policy = "read" }`)
	erase(t, consul, defaultsOf("db"))
	eventually(t, "what is deleted and hidden is kept", hidden)
	if n := r.Release(t.Context(), "service-defaults/db"); n != 1 {
		t.Errorf("%d released", n)
	}
	r.await("and can be released", silentAbout(defaultsOf("db")))
	if c, _ := r.now(); !speaks(defaultsOf("web"), "http2")(c) {
		t.Errorf("web: %+v", c.Entries)
	}
}

// Consul restarts, and then a snapshot of before an entry was written is restored.
func TestARealConsulThatRestartsOrIsRestoredTakesNoConfigEntryAway(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{Persistent: true})
	register(t, consul, "n", "10.0.0.1", &api.AgentService{Service: "web", Port: 80})
	write(t, consul, serviceDefaults("db", "tcp"))
	snapshot, _, err := consul.Client().Snapshot().Save(nil)
	must(t, err)
	saved, err := io.ReadAll(snapshot)
	must(t, err)
	must(t, snapshot.Close())
	write(t, consul, serviceDefaults("web", "grpc"))
	cfg := entriesConfig(consul)
	cfg.Consul.Wait = 2 * time.Second // after a restore, a query waits to its end at an index that is not reached any more
	r := start(t, cfg)
	r.await("both are there", func(c catalog.Catalog) bool {
		return speaks(defaultsOf("web"), "grpc")(c) && speaks(defaultsOf("db"), "tcp")(c)
	})

	must(t, consul.Stop())
	eventually(t, "it shows in the status", func() bool { return !r.Status().Connected })
	must(t, consul.Start(t.Context()))
	eventually(t, "it is over", func() bool { return r.Status().Connected })
	write(t, consul, serviceDefaults("db", "http"))
	r.await("changes flow again", speaks(defaultsOf("db"), "http"))

	must(t, consul.Client().Snapshot().Restore(nil, bytes.NewReader(saved)))
	eventually(t, "what is not in the snapshot is held for long", func() bool { return r.holds("datacenter", "service-defaults/web") })
	r.await("what is in it is as it was", speaks(defaultsOf("db"), "tcp"))
	eventually(t, "and that was doubted at first", func() bool { return r.log.Count("why=entry_reverted") == 1 })
	r.stays(3 * time.Second)
	write(t, consul, serviceDefaults("web", "grpc"))
	eventually(t, "it is written again", func() bool { return len(r.Holds()) == 0 })
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range r.deltas {
		if len(d.GoneEntries) > 0 {
			t.Errorf("taken back: %v", d.GoneEntries)
		}
	}
}

// A snapshot is restored in which the services are the same, and an entry says what it said before: their list
// does not show it, and the entries' queries wait to the end of their wait. The canary sees it. The guard doubts
// what changed back until the leader has said it twice; a restore that is meant is believed then.
func TestARealSnapshotThatChangesAnEntryBackIsSeenSoonAndDoubtedFirst(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{})
	register(t, consul, "n", "10.0.0.1", &api.AgentService{Service: "web", Port: 80})
	write(t, consul, serviceDefaults("web", "http"))
	write(t, consul, serviceDefaults("old", "tcp"))
	snapshot, _, err := consul.Client().Snapshot().Save(nil)
	must(t, err)
	saved, err := io.ReadAll(snapshot)
	must(t, err)
	must(t, snapshot.Close())
	write(t, consul, serviceDefaults("web", "grpc"))
	erase(t, consul, defaultsOf("old"))
	cfg := entriesConfig(consul)
	cfg.Consul.Wait, cfg.Watch.Canary, cfg.Guard.Confirm = 10*time.Minute, time.Second, 5*time.Second
	r := start(t, cfg)
	r.await("it is there", func(c catalog.Catalog) bool {
		return speaks(defaultsOf("web"), "grpc")(c) && silentAbout(defaultsOf("old"))(c)
	})
	time.Sleep(3 * time.Second) // the canary looks

	restored := time.Now()
	must(t, consul.Client().Snapshot().Restore(nil, bytes.NewReader(saved)))
	eventually(t, "it is doubted", func() bool { return r.holds("entry_reverted", "service-defaults/old", "service-defaults/web") })
	t.Logf("it showed after %v", time.Since(restored))
	r.await("it is believed", func(c catalog.Catalog) bool {
		return speaks(defaultsOf("web"), "http")(c) && speaks(defaultsOf("old"), "tcp")(c)
	})
	if took := time.Since(restored); took < cfg.Guard.Confirm {
		t.Errorf("it was believed %v after the restore, want %v at least", took, cfg.Guard.Confirm)
	}
	eventually(t, "nothing is held", func() bool { return len(r.Holds()) == 0 })
	write(t, consul, serviceDefaults("web", "grpc"))
	r.await("what a person writes then is believed at once", speaks(defaultsOf("web"), "grpc"))
}

// allow gives a token with one policy other rules.
func allow(t *testing.T, consul *parts.Consul, token, rules string) {
	t.Helper()
	acl := consul.Client().ACL()
	self, _, err := acl.TokenReadSelf(&api.QueryOptions{Token: token})
	must(t, err)
	policy, _, err := acl.PolicyRead(self.Policies[0].ID, nil)
	must(t, err)
	policy.Rules = rules
	_, _, err = acl.PolicyUpdate(policy, nil)
	must(t, err)
}
