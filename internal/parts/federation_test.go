package parts_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// seen returns how many instances the agent says that a service has elsewhere.
func seen(ctx context.Context, c *parts.Consul, service string, from api.QueryOptions) (int, error) {
	entries, _, err := c.Client().Health().Service(service, "", false, from.WithContext(ctx))
	return len(entries), err
}

// sees waits until the agent says so many.
func sees(t *testing.T, c *parts.Consul, service string, from api.QueryOptions, want int) {
	t.Helper()
	partstest.Within(t, time.Minute, func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if n, err := seen(ctx, c, service, from); err != nil || n != want {
			return fmt.Errorf("%s sees %d instances, want %d: %w", c.Datacenter, n, want, err)
		}
		return nil
	})
}

// hangs fails the test unless the question is not answered.
func hangs(t *testing.T, c *parts.Consul, service string, from api.QueryOptions) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if n, err := seen(ctx, c, service, from); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%s says %d instances and %v, want no answer", c.Datacenter, n, err)
	}
}

func in(datacenter string) api.QueryOptions { return api.QueryOptions{Datacenter: datacenter} }

// A datacenter is cut off, killed and restored; what happens to one does not happen to the others.
func TestDatacentersAreCutOffKilledAndRestored(t *testing.T) {
	t.Parallel()
	f, ctx := partstest.Federation(t, parts.FederationOptions{}), t.Context()
	one, two, three := f.In("dc1"), f.In("dc2"), f.In("dc3")
	for _, c := range []*parts.Consul{two, three} {
		must(t, c.Register(ctx, parts.Instance{Service: "web", Port: 80}))
		sees(t, one, "web", in(c.Datacenter), 1)
	}
	saved, err := two.Snapshot(ctx)
	must(t, err)

	f.Cut(two)
	hangs(t, one, "web", in("dc2"))
	hangs(t, two, "web", in("dc1"))
	sees(t, one, "web", in("dc3"), 1)
	sees(t, two, "web", in("dc2"), 1)
	f.Mend(two)
	sees(t, one, "web", in("dc2"), 1)

	must(t, two.Register(ctx, parts.Instance{ID: "web-2", Service: "web", Port: 81}))
	sees(t, one, "web", in("dc2"), 2)
	must(t, two.Restore(ctx, saved))
	must(t, two.Deregister(ctx, "web-2"))
	sees(t, one, "web", in("dc2"), 1)

	must(t, two.Kill())
	if n, err := seen(ctx, one, "web", in("dc2")); err == nil {
		t.Errorf("a dead datacenter is said to have %d instances", n)
	}
	sees(t, one, "web", in("dc3"), 1)
	must(t, two.Start(ctx)) // it forgets everything
	sees(t, one, "web", in("dc2"), 0)
}

// Config entries and tokens are written in the primary datacenter and read in each. A datacenter that is stopped and wiped
// has them again, and none of its services.
func TestConfigEntriesAndTokensComeFromThePrimaryDatacenter(t *testing.T) {
	t.Parallel()
	f := partstest.Federation(t, parts.FederationOptions{Datacenters: []string{"west", "east"}, Primary: "east", Consul: parts.ConsulOptions{ACL: true, Persistent: true}})
	_, _, err := f.In("east").Client().ConfigEntries().Set(&api.ServiceConfigEntry{Kind: api.ServiceDefaults, Name: "web", Protocol: "grpc"}, nil)
	must(t, err)
	west, ctx := f.In("west"), t.Context()
	policy, _, err := f.In("east").Client().ACL().PolicyCreate(&api.ACLPolicy{Name: "all", Rules: `service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }`}, nil)
	must(t, err)
	token, _, err := f.In("east").Client().ACL().TokenCreate(&api.ACLToken{Policies: []*api.ACLTokenPolicyLink{{ID: policy.ID}}}, nil)
	must(t, err)
	must(t, west.Register(ctx, parts.Instance{Service: "web", Port: 80}))
	with := api.QueryOptions{Token: token.SecretID}
	sees(t, west, "web", with, 1)
	hasEntry := func() error {
		_, _, err := west.Client().ConfigEntries().Get(api.ServiceDefaults, "web", nil)
		return err
	}
	partstest.Eventually(t, hasEntry)

	must(t, west.Stop())
	must(t, west.Wipe())
	must(t, west.Start(ctx))
	partstest.Within(t, time.Minute, hasEntry)
	sees(t, west, "web", with, 0)
}

// A datacenter is added, and leaves.
func TestADatacenterIsAddedAndRemoved(t *testing.T) {
	t.Parallel()
	f, ctx := partstest.Federation(t, parts.FederationOptions{Datacenters: []string{"dc1"}}), t.Context()
	knows := func(want string) {
		t.Helper()
		partstest.Eventually(t, func() error {
			if all, err := f.In("dc1").Client().Catalog().Datacenters(); err != nil || fmt.Sprint(all) != want {
				return fmt.Errorf("it knows %v, want %v: %w", all, want, err)
			}
			return nil
		})
	}
	two, err := f.Add(ctx, "dc2")
	must(t, err)
	knows("[dc1 dc2]")
	must(t, f.Remove(two))
	knows("[dc1]")
}

// A peer exports a service. It is cut off, and its peering is deleted and made again.
func TestAPeerExportsServicesAndIsForsaken(t *testing.T) {
	t.Parallel()
	f, ctx := partstest.Federation(t, parts.FederationOptions{Datacenters: []string{"dc1"}, Peer: "cluster01"}), t.Context()
	one, imported := f.In("dc1"), api.QueryOptions{Peer: "cluster01"}
	must(t, f.Export(ctx, "web"))
	for _, service := range []string{"web", "secret"} {
		must(t, f.Peer.Register(ctx, parts.Instance{Service: service, Port: 80}))
	}
	sees(t, one, "web", imported, 1)
	sees(t, one, "secret", imported, 0)

	f.Cut(f.Peer)
	must(t, f.Peer.Register(ctx, parts.Instance{ID: "web-2", Service: "web", Port: 81}))
	sees(t, f.Peer, "web", api.QueryOptions{}, 2)
	sees(t, one, "web", imported, 1)
	f.Mend(f.Peer)
	sees(t, one, "web", imported, 2)

	must(t, f.Forsake(ctx))
	sees(t, one, "web", imported, 0)
	must(t, f.Establish(ctx))
	sees(t, one, "web", imported, 2)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
