package cli

import (
	"context"
	"fmt"
	"os"
)

// bootstrapOptions are what Envoy must know before it can reach Legate.
type bootstrapOptions struct {
	xds     []string
	dns     string
	mode    string
	nodeID  string
	cluster string
	admin   string
	routes  []string

	region, zone, local            string
	ca, cert, key, serverName, sds string
}

const (
	grpcAddress = "127.0.0.1:18000" // default of --xds-listen
	restAddress = "127.0.0.1:18002" // suggested for --rest-listen
)

func (p *program) bootstrap() *command {
	o := &bootstrapOptions{mode: "delta", nodeID: hostname(), cluster: "envoy", admin: "127.0.0.1:9901"}
	const category = "Flags"
	envoy := &command{
		name:  "envoy",
		usage: "print a complete Envoy bootstrap that gets its clusters from Legate",
		about: `
The clusters have the names of Consul's services and come and go with them.
Mode delta sends only what changes; sotw sends each type whole; rest polls, and
only the services named by --route (a cluster that comes over CDS asks for ADS).`,
		examples: `
# port 8080 of this machine goes to Consul's service "web"
legate bootstrap envoy --route 8080=web > envoy.yaml
envoy -c envoy.yaml

# an Envoy of the fleet: your own listeners, Legate on another machine
legate bootstrap envoy --xds-address legate.internal:18000 --node-id edge-1 \
    --ca-file /etc/envoy/ca.pem --cert-file /etc/envoy/envoy.pem --key-file /etc/envoy/envoy.key \
    --sds-dir /etc/envoy/legate

# two Legates: Envoy asks one, and the other when that is away
legate bootstrap envoy --xds-address legate-1.internal:18000 --xds-address legate-2.internal:18000

# all Legates that are registered in Consul (serve --register), found by the DNS of the agent on this machine
legate bootstrap envoy --xds-address legate.service.consul:18000 --dns-server 127.0.0.1:8600

# an Envoy in a zone: Legate sends its services' nearest endpoints first (prefer in the policy)
legate bootstrap envoy --region eu-west-1 --zone eu-west-1a

# beside an instance of the service "shop", with Envoy's own zone-aware routing (locality: zone_aware)
legate bootstrap envoy --region eu-west-1 --zone eu-west-1a --local-cluster shop

# Legate on the same machine, over a unix socket (serve --xds-listen unix:///run/legate/xds.sock)
legate bootstrap envoy --xds-address unix:///run/legate/xds.sock`,
		settings: []*setting{
			shown(list(&o.xds, setting{
				name: "xds-address", env: "LEGATE_BOOTSTRAP_XDS_ADDRESS", key: "bootstrap.xds_address", category: category, hint: anAddress,
				usage: "Address at which this Envoy reaches Legate: that of --xds-listen or, in mode rest, --rest-listen of \"legate serve\". If given more than once, or for a name with several addresses, Envoy asks one of them, and another when that is away.",
			}), grpcAddress+", in mode rest "+restAddress),
			shown(text(&o.dns, setting{
				name: "dns-server", env: "LEGATE_BOOTSTRAP_DNS_SERVER", key: "bootstrap.dns_server", category: category, hint: "IP:PORT",
				usage: "DNS server that Envoy asks for the names in --xds-address, such as Consul's agent on this machine, 127.0.0.1:8600, for legate.service.consul (serve --register).",
			}), "those of Envoy's machine"),
			choice(&o.mode, []string{"delta", "sotw", "rest"}, setting{
				name: "mode", env: "LEGATE_BOOTSTRAP_MODE", key: "bootstrap.mode", category: category,
				usage: "Protocol that Envoy uses.",
			}),
			shown(text(&o.nodeID, setting{
				name: "node-id", env: "LEGATE_BOOTSTRAP_NODE_ID", key: "bootstrap.node_id", category: category, hint: "NAME",
				usage: "Name of this Envoy in Legate's metrics, logs and status.",
			}), "the host's name"),
			text(&o.cluster, setting{
				name: "node-cluster", env: "LEGATE_BOOTSTRAP_NODE_CLUSTER", key: "bootstrap.node_cluster", category: category, hint: "NAME",
				usage: "Name of the group of Envoys that this one belongs to.",
			}),
			text(&o.region, setting{
				name: "region", env: "LEGATE_BOOTSTRAP_REGION", key: "bootstrap.region", category: category, hint: "NAME",
				usage: "Region in which this Envoy stands, as Consul has it for instances; for those without one it is their datacenter's name.",
			}),
			text(&o.zone, setting{
				name: "zone", env: "LEGATE_BOOTSTRAP_ZONE", key: "bootstrap.zone", category: category, hint: "NAME",
				usage: "Zone of the region in which this Envoy stands.",
			}),
			text(&o.local, setting{
				name: "local-cluster", env: "LEGATE_BOOTSTRAP_LOCAL_CLUSTER", key: "bootstrap.local_cluster", category: category, hint: "SERVICE",
				usage: "Service whose instances this Envoy stands beside: Envoy's own zone-aware routing compares their zones with those of the services that it calls. Not needed for the policy's prefer.",
			}),
			text(&o.admin, setting{
				name: "envoy-admin", env: "LEGATE_BOOTSTRAP_ENVOY_ADMIN", key: "bootstrap.envoy_admin", category: category, hint: "HOST:PORT",
				usage: "Address of Envoy's own admin page. Whoever reaches it can stop Envoy: keep it on loopback.",
			}),
			list(&o.routes, setting{
				name: "route", env: "LEGATE_BOOTSTRAP_ROUTES", key: "bootstrap.routes", category: category, hint: "[HOST:]PORT=SERVICE",
				usage: "Listener that sends all HTTP requests to a service, for trying things out. HOST is 127.0.0.1 if not given.",
			}),
		},
		run: func(context.Context) error {
			b, err := o.envoy()
			if err != nil {
				return usageError{err}
			}
			if err := b.TLS.writeSecrets(); err != nil {
				return err
			}
			return b.write(p.out)
		},
	}
	envoy.settings = append(envoy.settings, o.tlsSettings()...)
	return &command{
		name:  "bootstrap",
		usage: "print the configuration that a client of Legate starts with",
		sub:   []*command{envoy},
	}
}

// envoy checks the options and turns them into the template's data.
func (o *bootstrapOptions) envoy() (envoyBootstrap, error) {
	b := envoyBootstrap{NodeID: o.nodeID, NodeCluster: o.cluster, Mode: o.mode, Region: o.region, Zone: o.zone, Local: o.local}
	if o.nodeID == "" || o.cluster == "" {
		return b, fmt.Errorf("--node-id and --node-cluster must not be empty: Envoy does not start without them")
	}
	switch {
	case o.zone != "" && o.region == "":
		return b, fmt.Errorf("--zone %q: say its region too (--region): zones of one name in two regions are two; where Consul has no region, it is the datacenter's name", o.zone)
	case o.local != "" && o.zone == "":
		return b, fmt.Errorf("--local-cluster %q: say in which zone this Envoy stands (--region and --zone), or it knows no nearest one", o.local)
	case o.local == b.OwnCluster():
		return b, fmt.Errorf("--local-cluster %q: that is the name of the cluster of Legate itself: name a service", o.local)
	}
	addresses := o.xds
	if len(addresses) == 0 {
		if addresses = []string{grpcAddress}; o.mode == "rest" {
			addresses = []string{restAddress}
		}
	}
	var err error
	if b.XDS, err = parseAddresses(addresses); err != nil {
		return b, err
	}
	if b.DNS, err = o.dnsServer(b); err != nil {
		return b, err
	}
	if b.TLS, err = o.tls(b.XDS); err != nil {
		return b, err
	}
	if b.Admin, err = parseEndpoint("--envoy-admin", o.admin); err != nil {
		return b, err
	}
	taken := map[endpoint]string{b.Admin: "--envoy-admin"}
	for _, r := range o.routes {
		parsed, err := parseRoute(r)
		if err != nil {
			return b, err
		}
		if by, ok := taken[parsed.Listen]; ok {
			return b, fmt.Errorf("--route %q: port %d is already that of %s: choose another", r, parsed.Listen.Port, by)
		}
		if parsed.Service == b.OwnCluster() {
			return b, fmt.Errorf("--route %q: that is the name of the cluster of Legate itself: name a service", r)
		}
		taken[parsed.Listen] = fmt.Sprintf("--route %q", r)
		b.Routes = append(b.Routes, parsed)
	}
	if o.mode == "rest" && len(b.Routes) == 0 {
		return b, fmt.Errorf(`--mode "rest": name the services with --route PORT=SERVICE (a cluster that comes over CDS asks for ADS, which is not REST)`)
	}
	return b, nil
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "envoy-1"
	}
	return name
}

// dnsServer is nil if none is named.
func (o *bootstrapOptions) dnsServer(b envoyBootstrap) (*endpoint, error) {
	if o.dns == "" {
		return nil, nil
	}
	at, err := parseEndpoint("--dns-server", o.dns)
	switch {
	case err != nil:
		return nil, err
	case at.Name:
		return nil, fmt.Errorf("--dns-server %q: give its IP address, such as 127.0.0.1:8600: there is nobody yet to ask for its name", o.dns)
	case !b.ByName():
		return nil, fmt.Errorf("--dns-server %q: no --xds-address is a name: give one, such as legate.service.consul:18000", o.dns)
	}
	return &at, nil
}
