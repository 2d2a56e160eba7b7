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
			usage: "Maximum number of open streams, of all clients together. An Envoy with ADS has one.",
		}),
		number(&l.StreamsPerAddress, 1, math.MaxInt32, setting{
			name: "max-streams-per-address", env: "LEGATE_MAX_STREAMS_PER_ADDRESS", key: "xds.max_streams_per_address", category: category, hint: "N",
			usage: "Maximum number of streams from one address; an IPv6 /64 counts as one. Raise it if more clients come through one NAT or load balancer.",
		}),
	}
	count := func(to *int, key, usage string) {
		settings = append(settings, number(to, 1, math.MaxInt32, setting{key: "xds." + key, category: category, usage: usage}))
	}
	span := func(to *time.Duration, key, usage string) {
		settings = append(settings, duration(to, time.Millisecond, 365*day, setting{key: "xds." + key, category: category, usage: usage}))
	}
	count(&l.StreamsPerNode, "max_streams_per_node", "Open streams with one node id from one certificate, or from one address without certificates.")
	count(&l.StreamsPerConnection, "max_streams_per_connection", "Open streams on one connection.")
	count(&l.Connections, "max_connections", "Open connections.")
	count(&l.ConnectionsPerAddress, "max_connections_per_address", "Open connections from one address.")
	count(&l.RESTConnections, "max_rest_connections", "Open connections over REST; a new one displaces the one that has been idle for longest.")
	count(&l.NewStreams, "new_streams_per_second", "New streams a second in the long run; one address gets half.")
	count(&l.NewStreamsBurst, "new_streams_burst", "New streams in a burst; one address gets half.")
	span(&l.NewStreamWait, "new_stream_wait", "How long a new stream, or a REST request, waits before it is refused.")
	count(&l.RefusedStreams, "max_refused_streams", "Streams of a connection that may be refused within xds.new_stream_wait. Then the connection is closed or, while other streams on it are served, further refusals are delayed. An address may have ten times as many; then its refusals are delayed.")
	count(&l.Returns, "returns_per_second", "Connections a second from an address that had one closed for refused streams within the last minute.")
	count(&c.MaxRequestBytes, "max_message_bytes", "Bytes of a request over gRPC.")
	count(&c.MaxResponseBytes, "max_response_bytes", "Bytes of a response over gRPC, if it can be split. Clients on gRPC libraries accept 4194304 unless configured otherwise.")
	count(&l.BodyBytes, "max_body_bytes", "Bytes of a request over REST.")
	count(&l.Fetches, "max_fetches", "Unary requests, over REST or gRPC, that are answered at the same time.")
	count(&l.AnswerBytes, "max_answer_bytes", "Bytes of the answer to such a request.")
	count(&l.UnreadBytes, "max_unread_bytes", "Bytes of all such answers that clients have not read yet; one address gets half.")
	count(&l.Probes, "probes_per_second", "Requests a second to the gRPC health service from one address.")
	count(&c.MaxNames, "max_names", "Names of one type in the subscription of a stream.")
	count(&l.NodeBytes, "max_node_bytes", "Bytes of a client's node message.")
	count(&l.NodeIDBytes, "max_node_id_bytes", "Bytes of a client's node id.")
	span(&l.MessageTime, "message_time", "How long a message over gRPC may take from its first byte to its last.")
	count(&l.UnprovenBytes, "unproven_bytes_per_second", "Bytes a second that an address may send in messages larger than 131072 and than any complete message of the stream so far; all clients together may send twice as many.")
	count(&l.NameBytes, "max_name_bytes", "Bytes of memory for names in the subscription of a stream that Consul does not have.")
	count(&l.FreshNames, "new_names_per_second", "New names of this kind a second that a stream may ask for in the long run; an address four times as many, all clients together sixteen times.")
	count(&l.NameChanges, "name_changes_per_second", "Names a second that a stream may subscribe to or unsubscribe from in the long run, after a burst of four times xds.max_names; an address 200 times as many, all clients together 400 times.")
	count(&l.EmptyFrames, "empty_frames_per_second", "HTTP/2 frames without content (SETTINGS, DATA without data, and the like) a second on one connection in the long run, after a burst of ten times as many.")
	span(&c.MinPing, "min_ping", "How often a client may send HTTP/2 pings (keepalive).")
	span(&l.StuckSend, "stuck_send", "How long a client may read nothing of what it is sent before its stream is closed.")
	span(&l.HalfOpen, "half_open", "How long a client may take to connect.")
	span(&l.IdleConnection, "idle_connection", "How long a connection may have no stream before it is closed.")
	span(&l.ConnectionAge, "connection_age", "Age at which a client is asked to reconnect, with a jitter of a tenth, so that replicas balance.")
	span(&l.ConnectionGrace, "connection_grace", "How long after that the old connection is closed.")
	return settings
}

// clientStatusSetting is who may ask for the status of all clients.
func clientStatusSetting(to *xdsserver.Askers) *setting {
	who := string(*to)
	s := choice(&who, []string{string(xdsserver.AskersLocal), string(xdsserver.AskersAll), string(xdsserver.AskersOff)}, setting{
		name: "xds-client-status", env: "LEGATE_XDS_CLIENT_STATUS", key: "xds.client_status", category: "Listeners",
		usage: "Who may ask --xds-listen for the status of all clients (CSDS): those on this machine, over loopback or a unix socket; all that may connect; or nobody. Answers name nodes, addresses and certificates.",
	})
	set := s.set
	s.set = func(v []string) error {
		err := set(v)
		*to = xdsserver.Askers(who)
		return err
	}
	return s
}
