package cli

import (
	"slices"
	"time"

	"legate/discovery"
)

// siteSettings say which other datacenters, and which peers, are followed.
func siteSettings(c *discovery.Config) []*setting {
	const category = "Other datacenters and peers"
	return []*setting{
		names(&c.Datacenters, setting{
			name: "datacenters", env: "LEGATE_DATACENTERS", key: "consul.datacenters", category: category, hint: "NAME",
			usage: "Also follow the services of these datacenters, through the same agent; all: of every datacenter that Consul knows, " +
				"also those that come and go later. Each has its own guard and status: one that hangs, dies or lies changes nothing for the others.",
		}),
		names(&c.Peers, setting{
			name: "peers", env: "LEGATE_PEERS", key: "consul.peers", category: category, hint: "NAME",
			usage: "Also follow the services that are imported from these peers (cluster peering); all: from every peer. It takes a token with peering:read.",
		}),
		choice(&c.RemoteServices, []string{discovery.RemoteAll, discovery.RemoteFailover}, setting{
			name: "remote-services", env: "LEGATE_REMOTE_SERVICES", key: "consul.remote_services", category: category,
			usage: "Which services of other datacenters and peers to follow: all, each of which is also served by its name there, such as web.dc2; " +
				"or only those that services here fail over to, by the policy or by Consul's service-resolvers.",
		}),
		duration(&c.SiteWait, 0, time.Minute, setting{
			name: "site-wait", env: "LEGATE_SITE_WAIT", key: "consul.site_wait", category: category, hint: "SPAN",
			usage: "How long a start waits for other datacenters and peers once its own datacenter was read, the last fifth of it for what services here are served from. " +
				"One that fails is not waited for, nor one whose last known part is at hand.",
		}),
	}
}

// names is a list of names that have no commas, so that several may be given as one value, too.
func names(to *[]string, s setting) *setting {
	of := list(to, s)
	of.set = func(values []string) error {
		var all []string
		for _, v := range values {
			all = append(all, split(v)...)
		}
		*to = slices.Compact(slices.Sorted(slices.Values(all)))
		return nil
	}
	return of
}
