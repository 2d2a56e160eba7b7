package main

// fleet is the overview: the first page for somebody who was just woken up. While a critical alert fires, a tile of
// its first row is not green.
func fleet() board {
	return board{
		name:  "fleet",
		title: "Fleet",
		says: `Is it Consul, Legate or Envoy? The first row says whether somebody has to get up, the rest which Legate and
			which Envoys. Each panel's description says what is normal and what to do.`,
		rows: []row{
			{"Is everything all right?", []panel{
				isServing(), isTrusted(), doesConsulAnswer(),
				isRejected(), isLeftOut(), areConnected(), howFast(), canRestart(),
			}},
			{"Envoys", []panel{states(), waitLongest(), streamsOpen(), openedAndClosed(), rejections(), busiest(), askMost()}},
			{"Changes on their way to clients", []panel{propagation(), snapshotChanges(), lastChange()}},
			{"Legates", []panel{legates(), configurations(), configurationAge(), certificates(), registrations()}},
		},
	}
}

func isServing() panel {
	return panel{
		kind: tile, w: 5, title: "Is Legate serving?", unit: "none", limits: none("red"), empty: "no such target",
		says: `How many Legates do not serve, out of how many. Normal: 0. One that runs and does not serve has not read
			Consul completely since its start; its /readyz says what is missing. The others cannot be scraped: check the
			process. In any case clients keep what they have.`,
		ask: []query{{`(count(up{@} unless on (job, instance) (legate_snapshot_updates_total{@} and on (job, instance) up{@} == 1)) or vector(0))
			* on () group_right () count_values("total", count(up{@}))`, "of {{total}} not serving"}},
	}
}

func isTrusted() panel {
	return panel{
		kind: tile, w: 13, title: "Is the catalog trusted?", unit: "none", limits: none("red"), empty: "unknown",
		says: `Where clients get something other than Consul reports; of several replicas the highest number. Normal: all 0.
			From disk: these Legates have not reached Consul since their start. Datacenter held: Consul reports that most is
			gone, which is not believed for an hour. Mass critical: most instances turned critical at once. Quarantined:
			several clients reject these resources, and none accepts them. Other holds: losses of single services that are being
			confirmed; a few for a minute are normal. The dashboard Consul has more, /api/v1/status the remedies; legate holds
			list names what is held.`,
		ask: []query{
			{`sum(legate_serving_stale{@})`, "from disk"},
			{`max(sum by (job, instance) (legate_holds{@, reason="datacenter"}))`, "datacenter held"},
			{`sum(legate_mass_critical{@})`, "mass critical"},
			{`max(sum by (job, instance) (legate_xds_quarantined{@}))`, "quarantined"},
			{`max(sum by (job, instance) (legate_holds{@, reason!="datacenter"}))`, "other holds"},
		},
		fields: []field{{name: "other holds", limits: none("orange")}},
	}
}

func doesConsulAnswer() panel {
	return panel{
		kind: tile, w: 6, title: "Does Consul answer?", unit: "none", limits: none("red"), empty: "never",
		says: `How many Legates have had no believed answer from the Consul of their own datacenter for three minutes, out of how
			many; and how many other datacenters and peers some Legate has not heard from for as long. Normal: 0 and 0, because
			a query without changes returns after about a minute. If not: what was last believed is served; nobody loses
			endpoints, but changes are not seen. Check the dashboard Consul, then legate status, which names the failure and
			the remedy.`,
		ask: []query{
			{`sum(time() - (legate_consul_last_success_timestamp_seconds{@, peer=""} > 0` + ownSite + `) > bool 180)
				* on () group_right () count_values("total", count(legate_build_info{@}))`,
				"of {{total}} without an answer"},
			{`count(count by (datacenter, peer) (time() - legate_consul_last_success_timestamp_seconds{@} > 180
				unless on (job, instance, datacenter, peer) (legate_consul_last_success_timestamp_seconds{@, peer=""}` + ownSite + `)))
				or max(0 * legate_build_info{@})`, "others not heard"},
		},
		fields: []field{{name: "others not heard", limits: none("orange")}},
	}
}

func isRejected() panel {
	return panel{
		kind: tile, w: 5, h: 4, title: "Does a client reject anything?", unit: "none", limits: none("red"), empty: "unknown",
		says: `Streams on which a client rejected (NACK) something that has not changed since, out of all streams; one that
			rejects clusters and endpoints counts twice. Without endpoints: clients that take clusters but never ask for their
			endpoints; their requests fail. Normal: 0 and 0. If not: clients that reject keep their old version of the rejected
			resources; everything else is up to date. legate status, and Legate's page, name each resource, who rejects it, and
			Envoy's message, and each client without endpoints with its remedy. Correct the service in Consul: a changed
			resource is sent again at once.`,
		ask: []query{
			{`sum(legate_xds_streams_rejecting{@}) * on () group_right () count_values("total", sum(legate_xds_streams{@}))`, "of {{total}} streams"},
			{`sum(legate_xds_clients_without_endpoints{@})`, "without endpoints"},
		},
	}
}

func isLeftOut() panel {
	return panel{
		kind: tile, w: 4, h: 4, title: "Is anything left out?", unit: "none", limits: none("orange"), empty: "unknown",
		says: `Services and instances in Consul that are not served because Envoy could not use them; of several replicas the
			highest number. Normal: no. If not: all others are served. The dashboard Services and policy has the reasons,
			/api/v1/status each one with its remedy under problems.`,
		ask:   []query{{`sum(max by (reason) (legate_translate_problems{@})) or max(0 * legate_build_info{@})`, ""}},
		shown: []shown{{"0", "no", "green"}},
	}
}

func areConnected() panel {
	return panel{
		kind: tile, w: 4, h: 4, title: "Are clients connected?", unit: "none", limits: []limit{{0, "orange"}, {1, "green"}}, empty: "unknown",
		says: `Open xDS streams of all instances. Normal: one per Envoy that uses ADS (REST clients have none). If there are
			none although there are Envoys: they keep their endpoints but learn of no change. Check Envoy's stat
			control_plane.connected_state and the panel Streams opened and closed, which has the causes.`,
		ask:   []query{{`sum(legate_xds_streams{@})`, ""}},
		shown: []shown{{"0", "no stream", "orange"}},
	}
}

func howFast() panel {
	return panel{
		kind: tile, w: 5, h: 4, title: "How fast do changes arrive?", unit: "s", limits: below(.5, 5), empty: "no change",
		says: `Over the time shown: 99 of 100 changes were acknowledged by the client within this time after Consul's answer.
			Normal: some milliseconds, plus what the network and the client need. If not: compare both stages in the panel From
			Consul's answer to the client; a high answer_to_sent is Legate's (look at its CPU), a high answer_to_ack alone is
			the client's.`,
		ask:   []query{{`histogram_quantile(0.99, sum by (le) (rate(legate_propagation_seconds_bucket{@, stage="answer_to_ack"}[$__range])))`, ""}},
		shown: []shown{{"nan", "no change", "green"}},
	}
}

func canRestart() panel {
	return panel{
		kind: tile, h: 4, title: "Can Legate be restarted?", unit: "none", limits: none("orange"), empty: "unknown",
		says: `What would fail at a restart, or soon. Normal: all 0. Rejected: a changed configuration file is not accepted; the
			log names the line. Not on disk: the last known catalog cannot be written; /api/v1/status says why under last_known.
			Certificates: how many expire within three days, or have expired.`,
		ask: []query{
			{`sum(legate_config_last_reload_successful{@} == bool 0)`, "rejected"},
			{`sum((increase(legate_last_known_writes_total{@, outcome="failed"}[15m]) > bool 0)
				* on (job, instance) (increase(legate_last_known_writes_total{@, outcome="ok"}[15m]) == bool 0))`, "not on disk"},
			{`sum((legate_certificate_expiry_timestamp_seconds{@} > 0) - time() < bool 259200) or max(0 * legate_build_info{@})`, "certificates"},
		},
	}
}
