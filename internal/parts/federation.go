package parts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// FederationOptions say which Consuls to start. The zero value has the datacenters dc1, dc2 and dc3,
// without a peer.
type FederationOptions struct {
	// Datacenters are joined over the WAN.
	Datacenters []string
	// Primary is where config entries and ACLs are written; empty: the first one.
	Primary string
	// Peer is the name of a peer of the first datacenter; empty: it has none. The peer's own datacenter is
	// called like the first one, as it is where nobody has named datacenters.
	Peer string
	// Consul is how each Consul is started. With ACLs, all have the same token with all rights.
	Consul ConsulOptions
}

// Federation is a Consul for each of several datacenters, and perhaps one more as a peer. What they
// say to each other passes through relays, so that they can be cut off while they live. It needs
// loopback addresses besides 127.0.0.1, which Linux has.
type Federation struct {
	// Consuls has those of the datacenters, by the order of the options. Peer is nil if there is none.
	Consuls []*Consul
	Peer    *Consul

	options FederationOptions
	wan     *wan
	hosts   int // given to sites
	gates   []string
	sites   map[*Consul]site
}

// StartFederation starts all Consuls at once, and returns when each reaches every other one and,
// if there is a peer, the peering is active.
func StartFederation(ctx context.Context, o FederationOptions) (*Federation, error) {
	if len(o.Datacenters) == 0 {
		o.Datacenters = []string{"dc1", "dc2", "dc3"}
	}
	o.Primary = orElse(o.Primary, o.Datacenters[0])
	if o.Consul.ACL {
		o.Consul.Token = orElse(o.Consul.Token, newUUID())
	}
	f := &Federation{options: o, wan: newWAN(), sites: map[*Consul]site{}}
	if err := f.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start federation: %w", err), f.Close())
	}
	return f, nil
}

func (f *Federation) start(ctx context.Context) error {
	datacenters := f.options.Datacenters
	var sites []site
	for range datacenters {
		s, err := f.open()
		if err != nil {
			return err
		}
		sites = append(sites, s)
	}
	if f.options.Peer != "" {
		s, err := f.abroad(sites[0])
		if err != nil {
			return err
		}
		sites, datacenters = append(sites, s), append(slices.Clone(datacenters), f.options.Datacenters[0])
	}
	var starting sync.WaitGroup
	consuls, errs := make([]*Consul, len(sites)), make([]error, len(sites))
	for i, s := range sites {
		starting.Go(func() { consuls[i], errs[i] = StartConsul(ctx, f.consulAt(s, datacenters[i])) })
	}
	starting.Wait()
	for i, c := range consuls {
		switch {
		case c == nil:
			continue
		case sites[i].peer:
			f.Peer = c
		default:
			f.Consuls = append(f.Consuls, c)
		}
		f.sites[c] = sites[i]
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := f.Join(ctx); err != nil || f.Peer == nil {
		return err
	}
	return f.Establish(ctx)
}

// Add starts one more datacenter, and returns when it and the others reach each other.
func (f *Federation) Add(ctx context.Context, datacenter string) (*Consul, error) {
	s, err := f.open()
	if err != nil {
		return nil, err
	}
	c, err := StartConsul(ctx, f.consulAt(s, datacenter))
	if err != nil {
		return nil, err
	}
	f.Consuls = append(f.Consuls, c)
	f.sites[c] = s
	return c, f.Join(ctx)
}

// Remove has a datacenter leave the others, as an operator does who gives it up.
func (f *Federation) Remove(c *Consul) error {
	err := c.client.Agent().Leave()
	f.Consuls = slices.DeleteFunc(f.Consuls, func(other *Consul) bool { return other == c })
	delete(f.sites, c)
	return errors.Join(err, c.Close())
}

// All returns the Consuls of the datacenters, and the peer's.
func (f *Federation) All() []*Consul {
	if f.Peer == nil {
		return f.Consuls
	}
	return append(slices.Clone(f.Consuls), f.Peer)
}

// In returns the Consul of a datacenter, nil if there is none.
func (f *Federation) In(datacenter string) *Consul {
	for _, c := range f.Consuls {
		if c.Datacenter == datacenter {
			return c
		}
	}
	return nil
}

// Cut cuts a Consul off from the others: nothing that it says reaches them, nor the other way round, and nobody is
// told. Its own clients still reach it.
func (f *Federation) Cut(c *Consul) { f.wan.set(f.sites[c].host, true) }

// Mend ends a Cut. What was said meanwhile over connections that still exist arrives now. Members that took
// each other for dead meet again within a minute, or at a Join.
func (f *Federation) Mend(c *Consul) { f.wan.set(f.sites[c].host, false) }

// Join joins the datacenters, and returns when each reaches every other one. All must run.
func (f *Federation) Join(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	primary := f.In(f.options.Primary)
	for _, c := range f.Consuls {
		if s := f.sites[c]; c != primary {
			if err := primary.client.Agent().Join(joinHostPort(s.gate, s.serfWAN), true); err != nil {
				return fmt.Errorf("join %q: %w", c.Datacenter, err)
			}
		}
	}
	for _, from := range f.Consuls {
		for _, to := range f.Consuls {
			if err := from.reaches(ctx, to.Datacenter); err != nil {
				return err
			}
		}
	}
	return nil
}

// reaches waits until the agent has answers of another datacenter.
func (c *Consul) reaches(ctx context.Context, datacenter string) error {
	for {
		o := query(ctx)
		o.Datacenter = datacenter
		nodes, _, err := c.client.Catalog().Nodes(o)
		if err == nil && len(nodes) > 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("%q does not reach %q: %w", c.Datacenter, datacenter, ctx.Err()), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Close ends all Consuls and removes their files.
func (f *Federation) Close() error {
	var closing sync.WaitGroup
	errs := make([]error, 0, len(f.sites))
	var mu sync.Mutex
	for c := range f.sites {
		closing.Go(func() {
			err := errors.Join(c.Continue(), c.Kill(), c.Close())
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	closing.Wait()
	f.wan.close()
	return errors.Join(errs...)
}
