package parts

import (
	"errors"
	"fmt"
	"net"
	"strings"
)

// site is where a Consul of a federation is: it speaks from host, and others reach it by way of gate. Ports are this
// process's own, so that all processes can use the same hosts.
type site struct {
	host, gate                 string
	serfLAN, serfWAN, rpc, tls int // ports
	peer                       bool
}

func (f *Federation) newSite() (site, error) {
	ports, err := FreePorts(4)
	if err != nil {
		return site{}, err
	}
	f.hosts++
	return site{
		host: fmt.Sprintf("127.0.60.%d", f.hosts), gate: fmt.Sprintf("127.0.61.%d", f.hosts),
		serfLAN: ports[0], serfWAN: ports[1], rpc: ports[2], tls: ports[3],
	}, nil
}

// open makes a site for a datacenter, and its gate.
func (f *Federation) open() (site, error) {
	s, err := f.newSite()
	if err != nil {
		return site{}, err
	}
	f.gates = append(f.gates, joinHostPort(s.gate, s.serfWAN))
	in := relay{wan: f.wan, listen: s.gate, to: s.host, site: s.host, from: speaker}
	gossip, rpc := in, in
	gossip.port, rpc.port = s.serfWAN, s.rpc
	return s, errors.Join(gossip.udp(), gossip.tcp(), rpc.tcp())
}

// abroad makes a site for the peer, which only calls: through the gate of the datacenter whose peer it is.
func (f *Federation) abroad(of site) (site, error) {
	s, err := f.newSite()
	if err != nil {
		return site{}, err
	}
	s.peer = true
	stream := relay{wan: f.wan, listen: of.gate, port: of.tls, to: "127.0.0.1", site: of.host}
	stream.from = func(net.Addr) string { return s.host }
	return s, stream.tcp()
}

// consulAt is how the Consul there is started.
func (f *Federation) consulAt(s site, datacenter string) ConsulOptions {
	o, primary, join := f.options.Consul, f.options.Primary, ""
	o.Datacenter, o.Node = datacenter, orElse(o.Node, "consul-"+datacenter)
	if s.peer {
		o.Node, primary = "consul-"+f.options.Peer, datacenter
	} else {
		var others []string
		for _, gate := range f.gates {
			if gate != joinHostPort(s.gate, s.serfWAN) {
				others = append(others, fmt.Sprintf("%q", gate))
			}
		}
		join = fmt.Sprintf("retry_join_wan = [%s]", strings.Join(others, ", "))
	}
	// Gossip is faster than Consul's for the WAN, so that a dead datacenter counts as such within seconds.
	hcl := fmt.Sprintf(`bind_addr = %q
advertise_addr = %q
advertise_addr_wan = %q
ports { server = %d serf_lan = %d serf_wan = %d grpc_tls = %d }
primary_datacenter = %q
%s
retry_interval_wan = "1s"
performance { leave_drain_time = "100ms" }
gossip_wan { probe_interval = "500ms" probe_timeout = "300ms" gossip_interval = "100ms" suspicion_mult = 3 }
`, s.host, s.host, s.gate, s.rpc, s.serfLAN, s.serfWAN, s.tls, primary, join)
	if o.ACL {
		hcl += fmt.Sprintf("acl { enable_token_replication = true tokens { replication = %q } }\n", o.Token)
	}
	o.HCL = hcl + o.HCL
	return o
}
