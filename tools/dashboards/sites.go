package main

func everySite() panel {
	return panel{
		kind: table, w: 24, h: 6, title: "Every datacenter and peer", sortBy: "last answer",
		says: `What the selected Legates follow; of several replicas the one that is worst off. A peer's datacenter is the own one,
			which imports from it. Normal: answers younger than 90 s, nothing held, next to no queries that fail. An answer that is
			older, or none: what was last known of that datacenter or peer is served, and marked stale; the others are not
			concerned. See the alerts LegateDatacenterNotHeard and, for the own one, LegateConsulAway.`,
		ask: []query{
			{`max by (datacenter, peer) (time() - (legate_consul_last_success_timestamp_seconds{@@} > 0))`, "last answer"},
			{`sum by (datacenter, peer) (rate(legate_consul_queries_total{@@, outcome=~"changed|unchanged"}[$__rate_interval]))`, "answers a second"},
			{`60 * sum by (datacenter, peer) (rate(legate_consul_queries_total{@@, outcome!~"changed|unchanged"}[$__rate_interval]))`, "failed a minute"},
			{`min by (datacenter, peer) (legate_catalog_services{@@})`, "services"},
			{`min by (datacenter, peer) (sum by (job, instance, datacenter, peer) (legate_catalog_instances{@@}))`, "instances"},
			{`max by (datacenter, peer) (sum by (job, instance, datacenter, peer) (legate_holds{@@}))`, "held"},
			{`count by (datacenter, peer) (time() - legate_consul_last_success_timestamp_seconds{@@} > 90) or 0 * count by (datacenter, peer) (legate_catalog_services{@@})`, "stale in Legates"},
		},
		fields: []field{
			{name: "last answer", unit: "s", limits: below(90, 180)}, {name: "answers a second", unit: "reqps"},
			{name: "failed a minute", limits: below(1, 10)}, {name: "held", limits: none("orange")}, {name: "stale in Legates", limits: none("red")},
		},
	}
}

func siteAge() panel {
	return panel{
		title: "Age of the last answer, by datacenter and peer", unit: "s", limits: []limit{{0, "green"}, {180, "red"}}, line: true,
		says: `Of several replicas the oldest. Normal: below 70 s. One that rises alone: the servers of that datacenter, or the way to them
			(consul members -wan), or the peering (consul peering list); what was last known of it is served. All that rise together:
			the own agent or its servers, because all are asked through it. A line that is missing was never heard.`,
		ask: []query{{`max by (datacenter, peer) (time() - (legate_consul_last_success_timestamp_seconds{@@} > 0))`, "{{datacenter}} {{peer}}"}},
	}
}

func siteFailures() panel {
	return panel{
		title: "Queries that fail, by datacenter and peer", unit: "cpm", fault: true, points: true,
		says: `A minute. Normal: none, or some while one restarts. unavailable: no way to that datacenter, or it has no leader. timeout:
			it hangs. denied: the token's rights there; a token that is local to one datacenter is unknown in the others.`,
		ask: []query{{`60 * sum by (datacenter, peer, outcome) (rate(legate_consul_queries_total{@@, outcome!~"changed|unchanged"}[$__rate_interval]))`,
			"{{datacenter}} {{peer}} {{outcome}}"}},
	}
}

func siteHolds() panel {
	return panel{
		title: "Losses held, by datacenter and peer", unit: "none", fault: true,
		says: `Services and config entries of which a loss is not believed yet; of several replicas the highest number. Normal: none, or
			a few for less than a minute. Many in one: it lost its state, or lies. The others are not concerned, each is judged by
			itself. legate holds list names them, such as web.dc2.`,
		ask: []query{{`max by (datacenter, peer) (sum by (job, instance, datacenter, peer) (legate_holds{@@}))`, "{{datacenter}} {{peer}}"}},
	}
}
