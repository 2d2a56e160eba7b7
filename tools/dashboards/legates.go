package main

func legates() panel {
	return panel{
		kind: table, w: 24, h: 6, title: "Every Legate", hide: []string{"revision", "goversion", "Value #E"},
		says: `What runs, for how long, how many streams it has, how many services it follows everywhere, and how old the last
			believed answer of its own datacenter's Consul is. Normal: one
			version; answers younger than 90 s. Short uptimes that nobody caused: see the alert LegateRestarts. A Legate that
			cannot be scraped has no line: see Is Legate serving?`,
		ask: []query{
			{`sum by (job, instance, version, revision, goversion) (legate_build_info{@}) * on (job, instance) group_left () (time() - process_start_time_seconds{@})`, "up for"},
			{`sum by (job, instance) (legate_xds_streams{@})`, "streams"},
			{`sum by (job, instance) (legate_catalog_services{@})`, "services"},
			{`max by (job, instance) (time() - (legate_consul_last_success_timestamp_seconds{@, peer=""} > 0` + ownSite + `))`, "Consul's last answer"},
			{`max by (job, instance, datacenter) (legate_consul_datacenter_info{@})`, ""},
		},
		fields: []field{
			{name: "instance", links: toPage}, {name: "up for", unit: "s"},
			{name: "Consul's last answer", unit: "s", limits: below(90, 180)},
		},
	}
}

func configurations() panel {
	return panel{
		title: "Configuration", unit: "none", points: true,
		says: `Changed files of configuration or policy a minute by outcome, and how many replicas run with older ones because the
			last was rejected. Normal: nothing rejected. If not: the log names the line and the remedy; correct the file, it is
			read again automatically.`,
		ask: []query{
			{`60 * sum by (outcome) (rate(legate_config_reloads_total{@}[$__rate_interval]))`, "{{outcome}} a minute"},
			{`sum(legate_config_last_reload_successful{@} == bool 0)`, "run with an older one"},
		},
	}
}

func registrations() panel {
	return panel{
		title: "Registered in Consul", unit: "none", empty: "no --register",
		says: `How many replicas are registered in Consul with checks that pass, and how many fail: DNS does not name those to
			Envoys. Normal: none of the latter. If not: "legate status" names the cause and the remedy, such as a right that
			the token lacks.`,
		ask: []query{{`sum by (state) (legate_registration{@}) > 0`, "{{state}}"}},
	}
}

func configurationAge() panel {
	return panel{
		title: "How old the configuration is", unit: "s",
		says: `Since a configuration or policy was last taken over; a start takes it over, too. Normal: replicas are alike, because
			all were given the same files. If not: reload the one that is behind.`,
		ask: []query{{`time() - legate_config_last_reload_success_timestamp_seconds{@}`, "{{instance}}"}},
	}
}

func certificates() panel {
	return panel{
		title: "Certificates", unit: "s", limits: above(0, 259200), line: true, empty: "no TLS",
		says: `How long the certificates of the listeners are still valid. Normal: more than three days, with a jump at each
			renewal. If not: replace the files with a new certificate and its key; they are read again automatically. A listener
			without TLS has no line.`,
		ask: []query{{`(legate_certificate_expiry_timestamp_seconds{@} > 0) - time()`, "{{listener}} {{instance}}"}},
	}
}
