package cli

import (
	"math"
	"time"

	"legate/xdsserver"
)

// limitSettings limit what clients can take. Most are for the file only: they are rarely changed,
// and docs/limits.md explains them together.
func limitSettings(c *xdsserver.Config) []*setting {
	const (
		category = "Limits for clients"
		day      = 24 * time.Hour
	)
	l := &c.Limits
	settings := []*setting{
		number(&l.Streams, 1, math.MaxInt32, setting{
			name: "max-streams", env: "LEGATE_MAX_STREAMS", key: "xds.max_streams", category: category, hint: "N",
			usage: "Most open streams of all clients together. An Envoy with ADS has one.",
		}),
		number(&l.StreamsPerAddress, 1, math.MaxInt32, setting{
			name: "max-streams-per-address", env: "LEGATE_MAX_STREAMS_PER_ADDRESS", key: "xds.max_streams_per_address", category: category, hint: "N",
			usage: "Most of them from one address; an IPv6 /64 counts as one. Raise it if more clients than this come through one NAT or load balancer.",
		}),
	}
	count := func(to *int, key, usage string) {
		settings = append(settings, number(to, 1, math.MaxInt32, setting{key: "xds." + key, category: category, usage: usage}))
	}
	span := func(to *time.Duration, key, usage string) {
		settings = append(settings, duration(to, time.Millisecond, 365*day, setting{key: "xds." + key, category: category, usage: usage}))
	}
	count(&l.StreamsPerNode, "max_streams_per_node", "Most open streams with one node id from one certificate, or from one address without certificates.")
	count(&l.StreamsPerConnection, "max_streams_per_connection", "Most open streams on one connection.")
	count(&l.Connections, "max_connections", "Most open connections.")
	count(&l.ConnectionsPerAddress, "max_connections_per_address", "Most open connections from one address.")
	count(&l.RESTConnections, "max_rest_connections", "Most of the open connections over REST; those that are silent make room for new ones.")
	count(&l.NewStreams, "new_streams_per_second", "New streams a second in the long run; one address has half.")
	count(&l.NewStreamsBurst, "new_streams_burst", "New streams at once; one address has half.")
	span(&l.NewStreamWait, "new_stream_wait", "How long a new stream, or a REST request, waits for its turn before it is refused.")
	count(&l.RefusedStreams, "max_refused_streams", "Streams of a connection that may be refused within xds.new_stream_wait; then it is closed, or, while others on it are served, who is refused hears of it later. An address may have ten times as many; then they hear of it later.")
	count(&l.Returns, "returns_per_second", "Connections a second from an address that had one closed for refused streams within the last minute.")
	count(&c.MaxRequestBytes, "max_message_bytes", "Bytes of one request over gRPC.")
	count(&c.MaxResponseBytes, "max_response_bytes", "Bytes of one response over gRPC, where it can be split. Clients on gRPC libraries take 4194304 unless told otherwise.")
	count(&l.BodyBytes, "max_body_bytes", "Bytes of one request over REST.")
	count(&l.Fetches, "max_fetches", "Single requests, over REST or gRPC, that are answered at once.")
	count(&l.AnswerBytes, "max_answer_bytes", "Bytes of the answer to one of them.")
	count(&l.UnreadBytes, "max_unread_bytes", "Bytes of all such answers that clients have not taken in yet; one address has half.")
	count(&l.Probes, "probes_per_second", "Questions to the gRPC health service from one address, a second.")
	count(&c.MaxNames, "max_names", "Names of one type that a stream may ask for.")
	count(&l.NodeBytes, "max_node_bytes", "Bytes of a client's node message.")
	count(&l.NodeIDBytes, "max_node_id_bytes", "Bytes of a client's node id.")
	span(&l.MessageTime, "message_time", "How long a message over gRPC may take from its first byte to its last.")
	count(&l.UnprovenBytes, "unproven_bytes_per_second", "Bytes a second that an address may send of messages larger than 131072 and than any that their streams have sent before; all together may send twice as many.")
	count(&l.NameBytes, "max_name_bytes", "Bytes of memory for names that a stream asks for and Consul does not have.")
	count(&l.FreshNames, "new_names_per_second", "Such names a second that a stream may think of in the long run; an address may four times as many, all together sixteen times.")
	count(&l.NameChanges, "name_changes_per_second", "Names a second that a stream may begin or cease to ask for in the long run, and four times xds.max_names at once; an address may 200 times as many, all together 400 times.")
	count(&l.EmptyFrames, "empty_frames_per_second", "HTTP/2 frames that carry nothing (SETTINGS, DATA without data, and the like) on one connection in the long run, and ten times as many at once.")
	span(&c.MinPing, "min_ping", "How often a client may send HTTP/2 pings (keepalive).")
	span(&l.StuckSend, "stuck_send", "How long a client may take in nothing of what it is sent before its stream is closed.")
	span(&l.HalfOpen, "half_open", "How long a client may take to connect.")
	span(&l.IdleConnection, "idle_connection", "How long a connection may be without a stream.")
	span(&l.ConnectionAge, "connection_age", "When a client is asked to connect anew, give or take a tenth, so that replicas balance.")
	span(&l.ConnectionGrace, "connection_grace", "How long after that its old connection is closed.")
	return settings
}
