package main

// consul is what Legate asks Consul, and what it believes.
func consul() board {
	return board{
		name:  "consul",
		title: "Consul",
		says: `Does Consul answer, is what it says believed, and what is kept although Consul says that it is gone? Each panel's
			description says what is normal and what to do.`,
		own: sites(),
		rows: []row{
			{"Datacenters and peers", []panel{everySite(), siteAge(), siteFailures(), siteHolds()}},
			{"Answers", []panel{queries(), queryDuration(), answerAge(), followed(), readAgain(), resets(), progress()}},
			{"Trust: what is held, doubted and rejected", []panel{held(), holdsEnded(), notBelieved(), fromDisk()}},
		},
	}
}

func queries() panel {
	return panel{
		title: "Queries by outcome", unit: "reqps",
		says: `Finished queries a second. Normal: unchanged (the wait ended with nothing new) and changed, nothing else.
			unreachable and timeout: Consul or the network. wait_cut: something in between ends blocking queries. denied: the
			token's policies. busy: Consul refuses more connections. unavailable: Consul's servers have no leader. doubtful: an
			answer that contradicts earlier ones was not believed; a few after a restart of Consul are normal.`,
		ask:    []query{{`sum by (outcome) (rate(legate_consul_queries_total{@@}[$__rate_interval]))`, "{{outcome}}"}},
		fields: []field{{name: "unchanged", colour: "green"}, {name: "changed", colour: "blue"}},
	}
}

func queryDuration() panel {
	return panel{
		title: "Query duration, 99%", unit: "s",
		says: `By outcome. Normal: unchanged near a minute, because it is the wait itself; changed anything below that. Slow
			failures are timeouts: the network or an overloaded Consul. If unchanged falls to milliseconds, Consul or a proxy in
			front of it does not block.`,
		ask: []query{{`histogram_quantile(0.99, sum by (le, outcome) (rate(legate_consul_query_duration_seconds_bucket{@@}[$__rate_interval])))`, "{{outcome}}"}},
	}
}

func answerAge() panel {
	return panel{
		title: "Age of the last believed answer", unit: "s", limits: []limit{{0, "green"}, {180, "red"}}, line: true,
		says: `Of the own datacenter, by Legate. Normal: a sawtooth below 70 s, near 0 with many services. A steady rise is an
			outage of Consul or of the connection to it; the red line is that of the alert LegateConsulAway. Outages are marked on
			all panels.`,
		ask: []query{{`time() - (legate_consul_last_success_timestamp_seconds{@, peer=""} > 0` + ownSite + `)`, "{{instance}}"}},
	}
}

func followed() panel {
	return panel{
		w: 6, title: "How services are followed", unit: "short", stack: true,
		says: `direct: by a blocking query of their own, seen within milliseconds. swept: read in turn, seen within seconds,
			because there are too few connections to Consul. Normal: swept is 0. If not: use HTTPS (HTTP/2 carries 200 queries on
			a connection), or raise limits.http_max_conns_per_client in Consul and then --max-connections, which is the line
			above.`,
		ask: []query{
			{`sum by (mode) (legate_consul_watches{@@})`, "{{mode}}"},
			{`sum(legate_consul_connections_limit{@})`, "most connections"},
		},
		fields: []field{
			{name: "direct", colour: "green"}, {name: "swept", colour: "orange"},
			{name: "most connections", colour: "blue", dashed: true, alone: true},
		},
	}
}

func readAgain() panel {
	return panel{
		w: 6, title: "Read again", unit: "cpm",
		says: `Services that are read again a minute: by the sweep, with the result, and because a signal named them. Normal:
			same. different: a change that woke no query, such as after a restart of Consul's servers; many of them mean that
			queries lose changes.`,
		ask: []query{
			{`60 * sum by (result) (rate(legate_consul_rereads_total{@@}[$__rate_interval]))`, "in turn, {{result}}"},
			{`60 * sum(rate(legate_consul_signals_total{@@}[$__rate_interval]))`, "by a signal"},
		},
		fields: []field{{name: "in turn, different", colour: "orange"}},
	}
}

func resets() panel {
	return panel{
		w: 6, title: "Index resets", unit: "cpm", fault: true, points: true,
		says: `A minute: Consul's index went back or was unusable, and a query started over with a consistent read. Normal: none;
			some when Consul's servers restart or are restored; a steady rate means that agents or a proxy mix answers of
			different servers.`,
		ask: []query{{`60 * sum by (instance, datacenter, peer) (rate(legate_consul_index_resets_total{@@}[$__rate_interval]))`, "{{instance}} {{datacenter}} {{peer}}"}},
	}
}

func progress() panel {
	return panel{
		w: 6, title: "Consul's writes", unit: "wps",
		says: `How fast Consul's Raft index of the list of services moves, a second, by datacenter and peer: the write load of
			Consul, which is no fault of Legate's. Normal: far below 1 in a quiet datacenter. Tens of writes a second without a rollout: checks whose output
			changes each time, or services that register again and again.`,
		ask: []query{{`max by (datacenter, peer) (clamp_min(deriv(legate_consul_index{@@, query="catalog"}[$__rate_interval]), 0))`, "{{datacenter}} {{peer}}"}},
	}
}

func held() panel {
	return panel{
		w: 6, title: "Losses held", unit: "none", fault: true,
		says: `Services and config entries of which Consul reports losses that are not believed yet, and the instances that stay
			served, by reason; of several replicas the highest number. Normal: none, or a few for less than a minute. datacenter
			stays for an hour, or until it is released: legate holds list names them, and when each hold ends.`,
		ask: []query{
			{`max by (reason) (sum by (job, instance, reason) (legate_holds{@@}))`, "services and entries, {{reason}}"},
			{`max by (reason) (sum by (job, instance, reason) (legate_holds_instances{@@}))`, "instances, {{reason}}"},
		},
		fields: []field{{name: "/datacenter$/", colour: "red"}},
	}
}

func holdsEnded() panel {
	return panel{
		w: 6, title: "Holds that ended", unit: "cpm", points: true,
		says: `A minute, by outcome. Normal: few. confirmed, evident, expired and released: the loss was believed. returned,
			replaced and dropped: it was no loss.`,
		ask: []query{{`60 * sum by (outcome) (rate(legate_holds_ended_total{@@}[$__rate_interval]))`, "{{outcome}}"}},
	}
}

func notBelieved() panel {
	return panel{
		w: 6, title: "Answers that are not believed", unit: "cpm", fault: true,
		says: `Answers of Consul a minute that were not believed, by reason; the last believed state stays. Normal: none; a few
			after a restart of Consul are normal. filtered and hidden: the token sees only a part. foreign and unreadable:
			something else answers instead of Consul.`,
		ask: []query{{`60 * sum by (reason) (rate(legate_consul_answers_rejected_total{@@}[$__rate_interval]))`, "{{reason}}"}},
	}
}

func fromDisk() panel {
	return panel{
		w: 6, title: "From disk, and mass critical", unit: "none", fault: true,
		says: `How many replicas serve the last known catalog from disk, and how many see that most of a datacenter turned
			critical at once. Normal: 0 of both. From disk: bring Consul back. Mass critical: check what runs the health checks,
			and Consul's agents; the selection above tells datacenters apart.`,
		ask: []query{
			{`sum(legate_serving_stale{@})`, "from disk"},
			{`sum(legate_mass_critical{@@})`, "mass critical"},
		},
	}
}
