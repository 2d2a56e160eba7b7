package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"legate/discovery/catalog"
	"legate/internal/envoycheck"
	"legate/internal/quote"
)

func (p *program) checkConsul() *command {
	o, asJSON := newRenderOptions(), false
	c := &command{
		name:  "consul",
		usage: `say whether "legate serve" could watch Consul with these settings`,
		about: `
It reads all that serve would, once and consistently: so address, TLS, the token's rights on
services, nodes and config entries, and the answers themselves are as serve needs them. What
will surprise somebody later is a warning. Exit code 0: serve can watch it; 1: it cannot.`,
		examples: `
legate check consul
legate check consul --consul-addr https://consul.internal:8501 --consul-ca-file ca.pem --consul-token-file token`,
	}
	c.settings = slices.Concat(consulSettings(&o.consul), serviceSettings(&o.consul), []*setting{
		duration(&o.timeout, time.Second, time.Hour, setting{
			name: "timeout", env: "LEGATE_CHECK_TIMEOUT", category: "Output", hint: "SPAN", usage: "Time limit for reading Consul.",
		}),
		boolean(&asJSON, setting{name: "json", env: "LEGATE_CHECK_JSON", category: "Output", usage: "Print an object for each finding, one a line."}),
	}, o.log.settings(), []*setting{configSetting(&o.config)})
	c.run = func(ctx context.Context) error {
		ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		defer stop()
		datacenter, said, err := p.catalog(ctx, o)
		if err != nil {
			return err
		}
		if !asJSON {
			instances := 0
			for _, s := range said.Services {
				instances += len(s.Instances)
			}
			fmt.Fprintf(p.out, "consul at %s, datacenter %s: %s, %s\n", quote.Text(o.consul.Consul.Address, quote.NameBytes), quote.Name(datacenter),
				plural(len(said.Services), "service"), plural(instances, "instance"))
		}
		return p.printFindings(o.consulFindings(said), asJSON)
	}
	return c
}

// consulFindings are what will surprise somebody although Consul answers as it should.
func (o *renderOptions) consulFindings(said catalog.Catalog) (all []envoycheck.Finding) {
	warn := func(where, detail, remedy string) {
		all = append(all, envoycheck.Finding{Severity: envoycheck.Warning, Where: where, Detail: detail, Remedy: remedy})
	}
	consul := o.consul.Consul
	secure := strings.HasPrefix(consul.Address, "https://") || consul.Scheme == "https"
	if room := consul.MaxConnections - o.consul.Watch.MinConnections() + 1; !secure && len(said.Services) > room {
		warn("--max-connections", fmt.Sprintf("%s, and over plain HTTP connections for about %d: changes of the others are seen after a second or two, some after half a minute", plural(len(said.Services), "service"), room),
			"use HTTPS (ports.https in the agent), or raise limits.http_max_conns_per_client in Consul and --max-connections")
	}
	if secure && consul.TLS.InsecureSkipVerify {
		warn("--consul-ssl-verify", "Consul's certificate is not verified: whoever is in between can give Envoy other endpoints", "give --consul-ca-file")
	}
	if len(said.Services) == 0 {
		warn("services", "Consul has none that is selected", "check --include, --exclude and --tag, and whether services are registered in this datacenter")
	}
	return all
}
