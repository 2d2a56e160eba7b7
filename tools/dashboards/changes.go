package main

func propagation() panel {
	return panel{
		title: "From Consul's answer to the client", unit: "s", limits: below(1, 5), line: true,
		says: `answer_to_sent: until the change is handed to the stream. answer_to_ack: until the client has answered. Normal:
			some milliseconds; gaps are times without a change. Both high: Legate is short of CPU, or a client does not read.
			Only answer_to_ack high: the client or the network is slow. The first line is that of the alert LegateSlow.`,
		ask: []query{
			{`histogram_quantile(0.99, sum by (le, stage) (rate(legate_propagation_seconds_bucket{@}[$__rate_interval])))`, "99% {{stage}}"},
			{`histogram_quantile(0.5, sum by (le, stage) (rate(legate_propagation_seconds_bucket{@}[$__rate_interval])))`, "50% {{stage}}"},
		},
	}
}

func snapshotChanges() panel {
	return panel{
		title: "Snapshot changes", unit: "ops",
		says: `Batches a second that changed what is served. Normal: follows the changes in Consul; many writes at once become
			few batches. Far more than you deploy: a health check flaps; legate changes names it.`,
		ask: []query{{`sum by (view) (rate(legate_snapshot_updates_total{@}[$__rate_interval]))`, "{{view}}"}},
	}
}

func lastChange() panel {
	return panel{
		kind: table, w: 8, title: "Last change of what is served", sortBy: "changed",
		says: `When a change was last published, by instance. Normal: replicas within seconds of each other. One that lags behind
			the others has lost Consul: see the dashboard Consul.`,
		ask:    []query{{`max by (instance, view) (legate_snapshot_last_update_timestamp_seconds{@}) * 1000`, "changed"}},
		fields: []field{{name: "changed", unit: "dateTimeFromNow"}, {name: "instance", links: toPage}},
	}
}
