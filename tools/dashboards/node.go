package main

// node is one Envoy.
func node() board {
	return board{
		name:  "node",
		title: "Node",
		says: `One Envoy, or another client, by the id of its node. Only 200 streams of a Legate have series of their own; legate status
			NODE and Legate's page know all.`,
		own: []variable{{name: "node", label: "node", query: `label_values(legate_xds_stream_requests_total{@}, node)`, one: true}},
		rows: []row{
			{"What this node asks and gets", []panel{nodeRequests(), nodeResponses(), nodeStreams()}},
			{"Compared with others", []panel{busiest(), askMost()}},
		},
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
		fields: []field{{name: "instance", links: toPage}},
	}
}
