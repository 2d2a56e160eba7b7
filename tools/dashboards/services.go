package main

// services is what becomes of the catalog on its way to Envoy.
func services() board {
	return board{
		name:  "services",
		title: "Services and policy",
		says: `What Consul has, what Envoy gets of it, and what it does not get, and why. Names stand in Legate's page and in legate
			explain: metrics count, since a catalog can have ten thousand names. Each panel's description says what is normal and
			what to do.`,
		rows: []row{
			{"The catalog", []panel{catalogServices(), instancesByHealth(), entries()}},
			{"What is served", []panel{served(), snapshotChanges(), lastChange()}},
			{"What is not served, or not taken", []panel{leftOut(), acceptedByNone(), lastRejection(), inVain(), withoutEndpoints(), oversized()}},
			{"Host names, and a policy on its way", []panel{hostNames(), lookUps(), rollout(), rolloutPaused()}},
		},
	}
}

func catalogServices() panel {
	return panel{
		title: "Services in the catalog", unit: "short",
		says: `As last believed, by replica. Normal: what you run, and the same on each replica. A sudden drop: ask whoever changed
			Consul, and look at the holds on the dashboard Consul. Replicas that differ for minutes: one of them has lost Consul.`,
		ask: []query{{`legate_catalog_services{@}`, "{{instance}} {{datacenter}} {{peer}}"}},
	}
}

func instancesByHealth() panel {
	return panel{
		title: "Instances by health", unit: "short", stack: true,
		says: `As last believed, of each replica the highest. Normal: what you run. Critical instances are UNHEALTHY endpoints for
			clients, those in maintenance DRAINING; neither are removed. Many that turn critical at once have a cause in common:
			the agents that run the checks, or their network.`,
		ask: []query{{`max by (health) (sum by (job, instance, health) (legate_catalog_instances{@}))`, "{{health}}"}},
		fields: []field{
			{name: "passing", colour: "green"}, {name: "warning", colour: "yellow"},
			{name: "critical", colour: "red"}, {name: "maintenance", colour: "purple"},
		},
	}
}

func entries() panel {
	return panel{
		title: "Config entries", unit: "short",
		says: `Consul's config entries that say how services are reached, by kind. Normal: what you have written. All of a kind
			gone at once: a token that may not read them any more, or a restored snapshot; see the holds on the dashboard Consul.`,
		ask: []query{{`max by (kind) (legate_catalog_entries{@})`, "{{kind}}"}},
	}
}

func served() panel {
	return panel{
		title: "Resources served", unit: "short",
		says: `By view and type. Normal: as many cds as services; as many eds. Replicas show the same numbers.`,
		ask:  []query{{`max by (view, type) (legate_snapshot_resources{@})`, "{{view}} {{type}}"}},
	}
}

func leftOut() panel {
	return panel{
		title: "Left out, by reason", unit: "short", fault: true, stack: true, empty: "nothing left out since the start",
		says: `Services and instances that are not served, because Envoy could not use them. Normal: none. address, unresolved,
			port, socket, mixed: an instance; its service is served without it. name, datacenter, invalid: a service. locality:
			served, but with the datacenter as its locality. /api/v1/status lists each with its remedy; correct their
			registrations.`,
		ask: []query{{`max by (reason) (legate_translate_problems{@})`, "{{reason}}"}},
	}
}

func acceptedByNone() panel {
	return panel{
		title: "Accepted by none", unit: "none", fault: true,
		says: `Resources that several clients reject and none accepts, by type; of several replicas the highest number. Normal:
			none. If not: these clients keep, or get, the last accepted version; others are still sent the new one. legate status
			names them, with Envoy's message. Correct the service in Consul.`,
		ask: []query{{`max by (type) (legate_xds_quarantined{@})`, "{{type}}"}},
	}
}

func lastRejection() panel {
	return panel{
		kind: table, w: 8, title: "Last rejection", sortBy: "rejected", empty: "none since the start",
		says: `When a client last rejected a response, by type. Normal: empty. What was rejected and when stands in Legate's log:
			client rejects a resource and keeps what it has.`,
		ask:    []query{{`max by (instance, type) (legate_xds_last_nack_timestamp_seconds{@} > 0) * 1000`, "rejected"}},
		fields: []field{{name: "rejected", unit: "dateTimeFromNow"}, {name: "instance", links: toPage}},
	}
}

func inVain() panel {
	return panel{
		title: "What clients ask for in vain", unit: "none", fault: true,
		says: `Names that open streams ask for and Consul does not have, by type. Normal: none. If not: check the names in that
			client's configuration, or register the service; Legate's page lists which client asks for which name, and why there
			is nothing.`,
		ask: []query{{`sum by (type) (legate_xds_names_in_vain{@})`, "in vain, {{type}}"}},
	}
}

func withoutEndpoints() panel {
	return panel{
		title: "Clients without endpoints", unit: "none", fault: true,
		says: `Clients that take clusters but never ask for their endpoints, by protocol: their requests fail. Normal: none. If
			not: Legate's page names each client and the remedy, such as to let that Envoy use ADS.`,
		ask: []query{{`sum by (protocol) (legate_xds_clients_without_endpoints{@})`, "{{protocol}}"}},
	}
}

func oversized() panel {
	return panel{
		title: "Too large, and other nodes", unit: "cpm", fault: true, points: true,
		says: `A minute: responses that have more bytes than they should and could not be split, by type, and requests with another
			node than that with which their stream began. Normal: none. Too large: the log names the type and the size; a client
			that limits its messages cannot take it. Other node: the client has a fault, and its first node counts.`,
		ask: []query{
			{`60 * sum by (type) (rate(legate_xds_oversized_responses_total{@}[$__rate_interval]))`, "too large, {{type}}"},
			{`60 * sum(rate(legate_xds_node_changes_total{@}[$__rate_interval]))`, "other node"},
		},
	}
}

func hostNames() panel {
	return panel{
		w: 6, title: "Host names", unit: "short", stack: true, empty: "no host names",
		says: `Host names that instances have instead of IP addresses. Normal: all resolved. stale: DNS is silent, fails or says that
			the name does not exist, and the last addresses are kept. unresolved: the instances of that name are left out. The
			page names each with its remedy.`,
		ask: []query{{`max by (state) (legate_resolve_names{@})`, "{{state}}"}},
		fields: []field{
			{name: "resolved", colour: "green"}, {name: "stale", colour: "orange"}, {name: "unresolved", colour: "red"},
		},
	}
}

func lookUps() panel {
	return panel{
		w: 6, title: "Answers of DNS", unit: "cpm",
		says: `Host names that were looked up, a minute, by outcome. Normal: answered only, and nothing at all without host names.
			silent: nobody answers. failed: SERVFAIL and the like. empty and nxdomain: no address, or no such name; correct it where
			the instance is registered, or in DNS.`,
		ask: []query{{`60 * sum by (outcome) (rate(legate_resolve_queries_total{@}[$__rate_interval]))`, "{{outcome}}"}},
	}
}

func rollout() panel {
	return panel{
		w: 6, title: "Policy on its way", unit: "short", stack: true, empty: "none",
		says: `Clusters of a change of policy that goes out bit by bit. Normal: none, or for as long as --policy-rollout says changed
			grows and waiting shrinks. If waiting stays as it is: see Is a policy held up?`,
		ask: []query{{`max by (state) (legate_policy_rollout_clusters{@})`, "{{state}}"}},
		fields: []field{
			{name: "changed", colour: "green"}, {name: "waiting", colour: "yellow"},
		},
	}
}

func rolloutPaused() panel {
	return panel{
		w: 6, title: "Is a policy held up?", unit: "none", fault: true,
		says: `1: more clients reject what was changed than take it, and the rest keeps the old policy. Normal: 0. If not:
			/api/v1/status says under rollout what is rejected and what to do: correct the policy, the rest follows by itself.`,
		ask: []query{{`max by (instance) (legate_policy_rollout_paused{@})`, "{{instance}}"}},
	}
}
