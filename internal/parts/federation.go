package parts

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// FederationOptions say which Consuls to start. The zero value has the datacenters dc1, dc2 and dc3,
// without a peer.
type FederationOptions struct {
	// Datacenters are joined over the WAN. The first is the primary one.
	Datacenters []string
	// Peer is the name of a peer of the first datacenter; empty: it has none. The peer's own datacenter is
	// called like the first one, as it is where nobody has named datacenters.
	Peer string
	// Consul is how each Consul is started.
	Consul ConsulOptions
}

// Federation is a Consul for each of several datacenters, and perhaps one more as a peer. What they
// say to each other passes through relays, so that they can be cut off while they live. It needs
// loopback addresses besides 127.0.0.1, which Linux has.
type Federation struct {
	// Consuls has those of the datacenters, by the order of the options. Peer is nil if there is none.
	Consuls []*Consul
	Peer    *Consul

	peer  string
	wan   *wan
	sites map[*Consul]site
}

// site is where a Consul is: it speaks from host, and others reach it by way of gate.
type site struct {
	host, gate                 string
	serfLAN, serfWAN, rpc, tls int // ports
}

func (s site) hcl(primary string, others []string) string {
	var join []string
	for _, o := range others {
		join = append(join, fmt.Sprintf("%q", o))
	}
	// Gossip is faster than Consul's for the WAN, so that a test need not wait for minutes until a dead datacenter counts as such.
	return fmt.Sprintf(`bind_addr = %q
advertise_addr = %q
advertise_addr_wan = %q
ports { server = %d serf_lan = %d serf_wan = %d grpc_tls = %d }
primary_datacenter = %q
retry_join_wan = [%s]
retry_interval_wan = "1s"
gossip_wan { probe_interval = "500ms" probe_timeout = "300ms" gossip_interval = "100ms" suspicion_mult = 3 }
`, s.host, s.host, s.gate, s.rpc, s.serfLAN, s.serfWAN, s.tls, primary, strings.Join(join, ", "))
}

// StartFederation starts all Consuls at once, and returns when each reaches every other one and,
// if there is a peer, the peering is active.
func StartFederation(ctx context.Context, o FederationOptions) (*Federation, error) {
	if len(o.Datacenters) == 0 {
		o.Datacenters = []string{"dc1", "dc2", "dc3"}
	}
	f := &Federation{Consuls: make([]*Consul, len(o.Datacenters)), peer: o.Peer, wan: newWAN(), sites: map[*Consul]site{}}
	if err := f.start(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("start federation: %w", err), f.Close())
	}
	return f, nil
}

func (f *Federation) start(ctx context.Context, o FederationOptions) error {
	sites, err := f.build(len(o.Datacenters), o.Peer != "")
	if err != nil {
		return err
	}
	var starting sync.WaitGroup
	consuls, errs := make([]*Consul, len(sites)), make([]error, len(sites))
	for i, s := range sites {
		one := o.Consul
		var others []string
		for j, other := range sites[:len(o.Datacenters)] {
			if i != j {
				others = append(others, joinHostPort(other.gate, other.serfWAN))
			}
		}
		if i < len(o.Datacenters) {
			one.Datacenter = o.Datacenters[i]
			one.Node = orElse(one.Node, "consul-"+one.Datacenter)
		} else {
			one.Datacenter, others = o.Datacenters[0], nil
			one.Node = orElse(one.Node, "consul-"+o.Peer)
		}
		primary := one.Datacenter
		if i < len(o.Datacenters) {
			primary = o.Datacenters[0]
		}
		one.HCL = s.hcl(primary, others) + one.HCL
		starting.Go(func() { consuls[i], errs[i] = StartConsul(ctx, one) })
	}
	starting.Wait()
	for i, c := range consuls {
		if c == nil {
			continue
		}
		f.sites[c] = sites[i]
		if i < len(o.Datacenters) {
			f.Consuls[i] = c
		} else {
			f.Peer = c
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := f.Join(ctx); err != nil {
		return err
	}
	if f.Peer == nil {
		return nil
	}
	return f.Establish(ctx)
}

// build picks hosts and ports, and makes the relays between them. Ports are this process's own, so that
// all processes can use the same hosts.
func (f *Federation) build(datacenters int, peer bool) ([]site, error) {
	n := datacenters
	if peer {
		n++
	}
	ports, err := FreePorts(4 * n)
	if err != nil {
		return nil, err
	}
	sites := make([]site, n)
	for i := range sites {
		s := site{
			host: fmt.Sprintf("127.0.60.%d", i+1), gate: fmt.Sprintf("127.0.61.%d", i+1),
			serfLAN: ports[4*i], serfWAN: ports[4*i+1], rpc: ports[4*i+2], tls: ports[4*i+3],
		}
		sites[i] = s
		if i == datacenters {
			continue // the peer calls
		}
		in := relay{wan: f.wan, listen: s.gate, to: s.host, site: s.host, from: speaker}
		gossip, rpc := in, in
		gossip.port, rpc.port = s.serfWAN, s.rpc
		if err := errors.Join(gossip.udp(), gossip.tcp(), rpc.tcp()); err != nil {
			return nil, err
		}
	}
	if peer {
		first, last := sites[0], sites[datacenters]
		stream := relay{wan: f.wan, listen: first.gate, port: first.tls, to: "127.0.0.1", site: first.host}
		stream.from = func(_ net.Addr) string { return last.host }
		return sites, stream.tcp()
	}
	return sites, nil
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

// Join joins the datacenters that run, and returns when each reaches every other one.
func (f *Federation) Join(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, c := range f.Consuls[1:] {
		s := f.sites[f.Consuls[0]]
		if err := c.client.Agent().Join(joinHostPort(s.gate, s.serfWAN), true); err != nil {
			return fmt.Errorf("join %q: %w", c.Datacenter, err)
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
