package main

// node is one Envoy.
func node() board {
	return board{
		name:  "node",
		title: "Node",
		says: `One Envoy, or another client, by the id of its node. Only 200 streams of a Legate have series of their own, and the 50 others
			that wait longest; legate status NODE and Legate's page know all.`,
		own: []variable{{name: "node", label: "node", query: `label_values(legate_xds_stream_waiting_seconds{@}, node)`, one: true}},
		rows: []row{
			{"Has it all that it is to get?", []panel{nodeWaits(), nodeStates(), nodeConnections()}},
			{"What this node asks and gets", []panel{nodeRequests(), nodeResponses(), nodeStreams()}},
			{"Compared with others", []panel{busiest(), askMost()}},
		},
	}
}

func nodeWaits() panel {
	return panel{
		kind: tile, w: 6, h: 8, title: "Is it up to date?", unit: "s", limits: below(60, 300), empty: "not connected, or without series of its own",
		says: `For how long it has not had all that it is to get, or has rejected something. Normal: up to date. If not: legate status NODE
			says what it waits for, or rejects, in Envoy's words. Not connected: its stat control_plane.connected_state is 0, and its
			log says why.`,
		ask:   []query{{`max(legate_xds_stream_waiting_seconds{@, node="$node"})`, ""}},
		shown: []shown{{"0", "up to date", "green"}},
	}
}

func nodeStates() panel {
	return panel{
		w: 12, title: "For how long it has waited", unit: "s", limits: below(60, 300), line: true,
		says: `By type and state. Normal: 0, or some milliseconds after a change. stale and rising: it does not read, or stands still (no
			CPU, its machine swaps). nacked: it rejects something and keeps what it had; legate status NODE has its words.`,
		ask:    []query{{`max by (type, state) (legate_xds_stream_waiting_seconds{@, node="$node"})`, "{{type}} {{state}}"}},
		fields: []field{{name: "/ stale$/", colour: "yellow"}, {name: "/ not_sent$/", colour: "orange"}, {name: "/ nacked$/", colour: "red"}},
	}
}

func nodeConnections() panel {
	return panel{
		w: 6, title: "To which Legate it is connected", unit: "short", stack: true,
		says: `Its streams, by Legate. Normal: one that has the same Legate for about 30 minutes (xds.connection_age). Gaps are times without
			a connection, in which it kept what it had; a change every few seconds: something cuts its connections.`,
		ask: []query{{`count by (instance) (count by (instance, stream) (legate_xds_stream_waiting_seconds{@, node="$node"}))`, "{{instance}}"}},
	}
}

func nodeRequests() panel {
	return panel{
		w: 12, title: "Requests of this node", unit: "reqps",
		says: `By type: its subscriptions, and its answers to responses. Normal: as many as responses, and a few more after it has
			connected. Far more: it changes its subscriptions all the time.`,
		ask: []query{{`sum by (type, protocol) (rate(legate_xds_stream_requests_total{@, node="$node"}[$__rate_interval]))`, "{{type}} {{protocol}}"}},
	}
}

func nodeResponses() panel {
	return panel{
		w: 12, title: "Responses to this node", unit: "reqps",
		says: `By type. Normal: endpoints (eds) follow the changes of the services that it uses. None for hours, while others get some: it
			uses no service that changes, or does not read; legate status NODE tells.`,
		ask: []query{{`sum by (type, protocol) (rate(legate_xds_stream_responses_total{@, node="$node"}[$__rate_interval]))`, "{{type}} {{protocol}}"}},
	}
}

func nodeStreams() panel {
	return panel{
		kind: table, w: 24, h: 6, title: "Its streams", sortBy: "responses",
		says: `The open streams of this node, and to which Legate each goes. Normal: one stream with ADS; one for each type, and each
			cluster, without. None: it is not connected, or has no series of its own.`,
		ask: []query{
			{`sum by (instance, stream, type, protocol) (legate_xds_stream_requests_total{@, node="$node"})`, "requests"},
			{`sum by (instance, stream, type, protocol) (legate_xds_stream_responses_total{@, node="$node"})`, "responses"},
		},
		fields: []field{{name: "instance", links: append([]link{{"this node on its page", "http://${__value.text}/nodes/${node}"}}, toPage...)}},
	}
}
