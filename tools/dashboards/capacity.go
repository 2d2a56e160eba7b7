package main

// capacity is what grows, and when it meets a limit.
func capacity() board {
	return board{
		name:  "capacity",
		title: "Capacity",
		says: `What grows with the catalog, the fleet and the changes, beside the limits that there are, and who is refused. Look here
			before you add Envoys or services, and when changes are late.`,
		rows: []row{
			{"How much of each limit is used", []panel{limitsUsed(), untilLimits(), refused()}},
			{"The process", []panel{cpu(), memory(), goroutines(), openFiles()}},
			{"Clients", []panel{streamsOfEach(), connections(), heldBytes(), heldRefused()}},
			{"Over weeks", []panel{delayOverWeeks(), streamsOverWeeks(), catalogOverWeeks()}},
			{"What they are sent", []panel{requests(), responses(), resources(), bytesSent(), fetches(), streamLife()}},
			{"The catalog on disk", []panel{diskWrites(), diskDuration(), diskAge()}},
			{"Traces of changes", []panel{tracesTaken()}},
		},
	}
}

func limitsUsed() panel {
	return panel{
		kind: bars, w: 10, title: "Share of each limit that is used", unit: "percentunit", limits: below(.7, .9),
		says: `Of the Legate that is nearest to it. cores: of those that it may use; changes are late when they are busy. memory: of the
			runtime's limit, which is nine tenths of --memory-budget or of the container; without one it is near 0. open files: each connection needs one; raise
			LimitNOFILE. memory of clients: raise --memory-budget. services followed in turn have no blocking query of their own,
			so their changes take seconds: use HTTPS to Consul, or raise --max-connections. Normal: below 70 %, and no service
			followed in turn.`,
		ask: []query{
			{`max(rate(process_cpu_seconds_total{@}[5m]) / on (job, instance) go_sched_gomaxprocs_threads{@})`, "cores"},
			{`max(process_resident_memory_bytes{@} / on (job, instance) go_gc_gomemlimit_bytes{@})`, "memory"},
			{`max(process_open_fds{@} / on (job, instance) process_max_fds{@})`, "open files"},
			{`max(sum by (job, instance) (legate_xds_held_bytes{@}) / on (job, instance) legate_xds_held_budget_bytes{@})`, "memory of clients"},
			{`max(sum by (job, instance) (legate_consul_watches{@, mode="swept"}) / on (job, instance) (sum by (job, instance) (legate_consul_watches{@}) > 0)) or max(0 * legate_build_info{@})`, "services followed in turn"},
		},
		fields: []field{{name: "services followed in turn", limits: []limit{{0, "green"}, {.001, "orange"}}}},
	}
}

// untilFull is a query for how long it takes until a value meets its limit if it goes on growing as it has for six
// hours: a month at most. Growth within the first hour after a start is not counted.
func untilFull(value, limit string) string {
	return `min(clamp_max((` + limit + `{@} - on (job, instance) ` + value + `{@})
		/ on (job, instance) clamp_min(deriv(` + value + `{@}[6h])
		* on (job, instance) (time() - process_start_time_seconds{@} > bool 3600), 1e-9), 2592000))`
}

func untilLimits() panel {
	return panel{
		kind: tile, w: 6, h: 8, title: "When a limit comes", unit: "s", limits: []limit{{0, "red"}, {86400, "orange"}, {604800, "green"}}, empty: "unknown",
		says: `If memory and open files go on growing as they have for six hours, on the Legate that is nearest to its limit. Normal: a
			month or more. If not: is it the fleet that grows (Streams by Legate), or a leak (memory or goroutines rise while
			streams and services do not)? Then raise the limit, or report it with a heap profile.`,
		ask: []query{
			{untilFull("process_resident_memory_bytes", "go_gc_gomemlimit_bytes"), "memory"},
			{untilFull("process_open_fds", "process_max_fds"), "open files"},
		},
		shown: []shown{{"2592000", "a month or more", "green"}},
	}
}

func refused() panel {
	return panel{
		title: "Clients that are refused", unit: "cpm", fault: true, points: true, empty: "none",
		says: `Connections, streams and requests a minute that met a limit, by limit; those with admin_ belong to the listeners for
			people and probes. Normal: none. If not: /api/v1/status says under refused where the last one came from and what to do;
			docs/limits.md has the limits.`,
		ask: []query{
			{`60 * sum by (limit) (rate(legate_xds_refused_total{@}[$__rate_interval])) > 0`, "{{limit}}"},
			{`60 * sum by (limit) (rate(legate_admin_refused_total{@}[$__rate_interval])) > 0`, "{{limit}}"},
		},
	}
}

func cpu() panel {
	return panel{
		w: 6, title: "CPU", unit: "percentunit",
		says: `100 % is one core. Normal: follows changes times clients, near 0 when nothing changes. At the limit of the container,
			changes are late: raise it.`,
		ask: []query{{`rate(process_cpu_seconds_total{@}[$__rate_interval])`, "{{instance}}"}},
	}
}

func memory() panel {
	return panel{
		w: 6, title: "Memory", unit: "bytes",
		says: `Resident, and what Go's heap uses of it. Normal: flat after the start, in proportion to the catalog and the streams. A
			line that rises for days is a leak: report it with a heap profile.`,
		ask: []query{
			{`process_resident_memory_bytes{@}`, "resident {{instance}}"},
			{`go_memstats_heap_inuse_bytes{@}`, "heap {{instance}}"},
		},
	}
}

func goroutines() panel {
	return panel{
		w: 6, title: "Goroutines", unit: "short",
		says: `Normal: some for each service followed and for each stream, flat when those are. A line that rises for days is a leak:
			report it with /debug/pprof/goroutine.`,
		ask: []query{{`go_goroutines{@}`, "{{instance}}"}},
	}
}

func openFiles() panel {
	return panel{
		w: 6, title: "Open files", unit: "short",
		says: `Normal: one for each connection to Consul and of a client, far below the limit, whose share is above. Near it, new
			connections are refused: raise LimitNOFILE.`,
		ask: []query{{`process_open_fds{@}`, "{{instance}}"}},
	}
}

func streamsOfEach() panel {
	return panel{
		w: 6, title: "Streams by Legate", unit: "short", stack: true,
		says: `Normal: replicas have about as many each. One has all: clients do not know of the others, or came back to it after a
			restart; they spread out within xds.connection_age (30 minutes).`,
		ask: []query{{`sum by (instance) (legate_xds_streams{@})`, "{{instance}}"}},
	}
}

func connections() panel {
	return panel{
		w: 6, title: "Connections", unit: "short",
		says: `Connections of clients, over gRPC and REST. Normal: one for each Envoy. Many more: clients open a connection for
			each stream, or leave them open.`,
		ask: []query{{`sum by (instance) (legate_xds_connections{@})`, "{{instance}}"}},
	}
}

func heldBytes() panel {
	return panel{
		w: 6, title: "Memory that clients have held", unit: "bytes", stack: true,
		says: `Memory of connections, requests, names that Consul does not have, and responses that clients have not read. Normal: in
			proportion to the streams, far below the budget for all of it, whose share is above. If not: check which kind uses
			it, and the clients on the page; then raise --memory-budget if there is memory to spare.`,
		ask: []query{{`sum by (kind) (legate_xds_held_bytes{@})`, "{{kind}}"}},
	}
}

func heldRefused() panel {
	return panel{
		w: 6, title: "Memory that clients are refused", unit: "short", fault: true, points: true,
		says: `How often clients could not have more of a kind held. Normal: never. Refusals count under the limit memory, too: check
			which kind uses the budget, and who it is (/api/v1/status, refused).`,
		ask: []query{{`sum by (kind) (increase(legate_xds_held_refused_total{@}[$__rate_interval]))`, "{{kind}}"}},
	}
}

// overWeeks are the last four weeks, whatever time is selected.
const overWeeks = "28d"

// withoutRules is shown if nothing was recorded.
const withoutRules = "nothing is recorded yet; are the rules loaded?"

func delayOverWeeks() panel {
	return panel{
		title: "Delay of changes over four weeks, 99%", unit: "s", limits: []limit{{0, "green"}, {1, "red"}}, line: true, span: overWeeks, empty: withoutRules,
		says: `Until a change was sent, and acknowledged, over ten minutes each: what the rules of legate alerts export record. Normal: as
			it was weeks ago. If it grows with the fleet or the catalog: give Legate more CPU before it meets the line of
			LegateSlow.`,
		ask: []query{{`max by (stage) (instance_stage:legate_propagation_seconds:p99_10m{@})`, "{{stage}}"}},
	}
}

func streamsOverWeeks() panel {
	return panel{
		title: "Streams over four weeks", unit: "short", span: overWeeks, empty: withoutRules,
		says: `Of all Legates, recorded by the rules of legate alerts export. Normal: as your fleet grows. Memory and CPU grow with it: see
			the share of each limit.`,
		ask: []query{{`sum(instance:legate_xds_streams:sum{@})`, "streams"}},
	}
}

func catalogOverWeeks() panel {
	return panel{
		title: "Instances over four weeks", unit: "short", span: overWeeks, empty: "nothing is recorded yet",
		says: `Instances in the catalog, of the Legate that has most. Normal: as your services grow. A steady rise without new services:
			instances that died are not deregistered, and stay critical.`,
		ask: []query{
			{`max(sum by (job, instance) (legate_catalog_instances{@}))`, "all"},
			{`max(sum by (job, instance) (legate_catalog_instances{@, health="critical"}))`, "critical"},
		},
		fields: []field{{name: "critical", colour: "red"}},
	}
}

func requests() panel {
	return panel{
		title: "Requests by kind", unit: "reqps",
		says: `subscribe: a client subscribes, or changes its subscription. ack: it accepted a response. nack: it rejected one. stale:
			it answered a response that was not the last, which is harmless. Normal: acks follow responses; stale is rare.`,
		ask: []query{{`sum by (kind) (rate(legate_xds_requests_total{@}[$__rate_interval]))`, "{{kind}}"}},
		fields: []field{
			{name: "ack", colour: "green"}, {name: "subscribe", colour: "blue"},
			{name: "nack", colour: "red"}, {name: "stale", colour: "yellow"},
		},
	}
}

func responses() panel {
	return panel{
		title: "Responses by type", unit: "reqps",
		says: `Normal: endpoints (eds) follow the changes in Consul; clusters (cds) only services that come and go. cds as busy as eds
			means that Envoy rebuilds clusters all the time: check what changes in /debug/config_dump.`,
		ask: []query{{`sum by (type, protocol) (rate(legate_xds_responses_total{@}[$__rate_interval]))`, "{{type}} {{protocol}}"}},
	}
}

func resources() panel {
	return panel{
		title: "Resources in responses", unit: "short",
		says: `Resources a second, by type. Normal: with delta, changed resources times the clients that want them; with sotw, a whole
			set for each change. A high rate without changes in Consul means that clients reconnect.`,
		ask: []query{{`sum by (type, protocol) (rate(legate_xds_response_resources_total{@}[$__rate_interval]))`, "{{type}} {{protocol}}"}},
	}
}

func bytesSent() panel {
	return panel{
		title: "Bytes of responses", unit: "Bps",
		says: `Before compression and framing. Normal: follows Resources in responses. If it is too much, let clients use delta instead
			of sotw.`,
		ask: []query{{`sum by (type, protocol) (rate(legate_xds_response_bytes_total{@}[$__rate_interval]))`, "{{type}} {{protocol}}"}},
	}
}

func fetches() panel {
	return panel{
		title: "REST fetches", unit: "reqps",
		says: `By outcome. Normal: not_modified, and ok after changes; nothing at all without --rest-listen. error: Legate is not ready,
			or the request was wrong.`,
		ask: []query{{`sum by (type, outcome) (rate(legate_xds_fetches_total{@}[$__rate_interval]))`, "{{type}} {{outcome}}"}},
	}
}

func streamLife() panel {
	return panel{
		title: "How long streams last", unit: "s", empty: "no stream has ended",
		says: `How long recently closed streams were open: median, and 99 of 100. Normal: about 30 minutes (xds.connection_age), or as
			long as the clients run. Seconds: clients are cut off again and again; the panel Streams opened and closed of the
			dashboard Fleet has the codes.`,
		ask: []query{
			{`histogram_quantile(0.5, sum by (le, protocol) (rate(legate_xds_stream_duration_seconds_bucket{@}[$__rate_interval]))) >= 0`, "50% {{protocol}}"},
			{`histogram_quantile(0.99, sum by (le, protocol) (rate(legate_xds_stream_duration_seconds_bucket{@}[$__rate_interval]))) >= 0`, "99% {{protocol}}"},
		},
	}
}

func diskWrites() panel {
	return panel{
		title: "Writes of the last known catalog", unit: "cpm",
		says: `A minute, by outcome. Normal: ok, after changes. failed: /api/v1/status says under last_known what is wrong; it is
			retried every minute. Without --state-dir there is nothing.`,
		ask:    []query{{`60 * sum by (outcome) (rate(legate_last_known_writes_total{@}[$__rate_interval]))`, "{{outcome}}"}},
		fields: []field{{name: "ok", colour: "green"}, {name: "failed", colour: "red"}},
	}
}

func diskDuration() panel {
	return panel{
		title: "How long a write takes, 99%", unit: "s",
		says: `Normal: some milliseconds; 10,000 services take longer. Seconds: the disk is slow or hangs. Nothing waits for it, but the
			catalog on disk is older than it could be.`,
		ask: []query{{`histogram_quantile(0.99, sum by (le) (rate(legate_last_known_write_duration_seconds_bucket{@}[$__rate_interval])))`, "all"}},
	}
}

func diskAge() panel {
	return panel{
		title: "Age of the catalog on disk", unit: "s", empty: "no --state-dir",
		says: `Since Consul said what is on disk: that is what a Legate serves that starts while Consul is away. Normal: as old as
			Consul's last change or younger. If it grows while Consul answers: see the writes beside it.`,
		ask: []query{{`time() - (legate_last_known_timestamp_seconds{@} > 0)`, "{{instance}}"}},
	}
}

func tracesTaken() panel {
	return panel{
		title: "Traces", unit: "cpm", empty: "tracing is off",
		says: `A minute, by outcome. Normal: exported, one for each change that clients get; nothing at all without
			OTEL_EXPORTER_OTLP_ENDPOINT. dropped: the collector is away, slow or refuses; the log says which. No change waits for it.`,
		ask:    []query{{`60 * sum by (outcome) (rate(legate_traces_total{@}[$__rate_interval]))`, "{{outcome}}"}},
		fields: []field{{name: "exported", colour: "green"}, {name: "dropped", colour: "red"}},
	}
}
