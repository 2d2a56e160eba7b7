package main

// toPage are links from an instance to its page. The address is the one that Prometheus scrapes.
var toPage = []link{
	{"its page (if Prometheus scrapes --admin-listen)", "http://${__value.text}/"},
	{"Legate / Capacity", "/d/legate-capacity?var-instance=${__value.text}&${__url_time_range}"},
}

// toNode are links from a node's name to what there is about it.
var toNode = []link{{"Legate / Node", "/d/legate-node?var-node=${__value.text}&${__url_time_range}"}}

// byState are the colours of the states of what Envoys ask for.
var byState = []field{
	{name: "synced", colour: "green"}, {name: "stale", colour: "yellow"},
	{name: "not_sent", colour: "orange"}, {name: "nacked", colour: "red"},
}

func states() panel {
	return panel{
		title: "What Envoys ask for, by state", unit: "short", stack: true,
		says: `Each type that an open stream asks for counts once. Normal: synced. stale: something is not acknowledged yet, as for
			some milliseconds after each change; a line that stays is an Envoy that stands still. nacked: it rejects something.
			not_sent: it was sent nothing, as before the first complete snapshot.`,
		ask:    []query{{`sum by (state) (legate_xds_subscriptions{@})`, "{{state}}"}},
		fields: byState,
	}
}

func waitLongest() panel {
	return panel{
		title: "Who waits longest", unit: "s", limits: below(60, 300), line: true,
		says: `For how long the five clients that wait longest have not had all that they are to get, or have rejected something. Normal:
			next to nothing: some milliseconds after each change. A line that rises is an Envoy with old endpoints: click on it, or
			ask legate status NODE. The second line is that of the alert LegateClientStale.`,
		ask:    []query{{`topk(5, max by (node) (legate_xds_stream_waiting_seconds{@}))`, "{{node}}"}},
		fields: []field{{name: "/.*/", links: []link{{"Legate / Node", "/d/legate-node?var-node=${__field.labels.node}&${__url_time_range}"}}}},
	}
}

func streamsOpen() panel {
	return panel{
		title: "Streams open", unit: "short", stack: true,
		says: `By protocol. Normal: a flat line, one per Envoy that uses ADS. A sawtooth is a load balancer or a firewall that
			cuts long connections. A fall to 0: see Streams opened and closed.`,
		ask: []query{
			{`sum by (protocol) (legate_xds_streams{@})`, "{{protocol}}"},
		},
	}
}

func openedAndClosed() panel {
	return panel{
		w: 12, title: "Streams opened and closed", unit: "cpm", points: true,
		says: `A minute, opened by protocol, closed by gRPC code. Normal: next to nothing between rollouts. OK and Canceled: the
			client left. Unavailable: Legate stopped, or the connection broke. ResourceExhausted: a client asked for too much.
			InvalidArgument and Unimplemented: a misconfigured client.`,
		ask: []query{
			{`60 * sum by (protocol) (rate(legate_xds_streams_opened_total{@}[$__rate_interval]))`, "opened {{protocol}}"},
			{`60 * sum by (code) (rate(legate_xds_streams_closed_total{@}[$__rate_interval]))`, "closed {{code}}"},
		},
	}
}

func rejections() panel {
	return panel{
		w: 12, title: "Rejections", unit: "short", fault: true,
		says: `NACKs as they arrive, by type, and the streams with rejected resources. Normal: none of either. NACKs without
			streams that still reject were fixed by the next change, or their clients left. legate status names the Envoy, the
			resource, and Envoy's words.`,
		ask: []query{
			{`60 * sum by (type) (rate(legate_xds_nacks_total{@}[$__rate_interval]))`, "NACKs a minute {{type}}"},
			{`sum by (type) (legate_xds_streams_rejecting{@})`, "standing {{type}}"},
		},
	}
}

func busiest() panel {
	return panel{
		kind: table, title: "Busiest streams", sortBy: "responses",
		says: `The ten open streams with most responses a second, over the last five minutes. Normal: all alike. One far ahead of
			the others asks again and again, or subscribes to far more. Only 200 streams have series of their own; the others
			share _overflow.`,
		ask:    []query{{`topk(10, sum by (node, stream, type, protocol, instance) (rate(legate_xds_stream_responses_total{@}[5m])))`, "responses"}},
		fields: []field{{name: "responses", unit: "reqps"}, {name: "node", links: toNode}},
	}
}

func askMost() panel {
	return panel{
		kind: table, title: "Clients that ask most", sortBy: "requests",
		says: `The ten open streams with most requests a second, over the last five minutes. Normal: about as many requests as
			responses, because each is acknowledged. Far more requests than responses: the client changes its subscriptions all
			the time.`,
		ask:    []query{{`topk(10, sum by (node, stream, type, protocol, instance) (rate(legate_xds_stream_requests_total{@}[5m])))`, "requests"}},
		fields: []field{{name: "requests", unit: "reqps"}, {name: "node", links: toNode}},
	}
}
