package admin

import (
	"log/slog"
	"net"

	"legate/internal/listen"
	"legate/metrics"
)

// Why who came to a listener for people and probes was turned away, as metrics and status name it.
const (
	refusedConnections = "admin_" + string(listen.TooMany)
	refusedAddress     = "admin_" + string(listen.TooManyOfAddress)
	refusedSilent      = "admin_" + string(listen.Displaced)
	refusedHandshake   = "admin_handshake"
	refusedHeaders     = "admin_headers"
	refusedHost        = "admin_host"
	refusedChange      = "admin_change"
	refusedGuess       = "admin_guesses"
)

func allRefusals() []string {
	return []string{refusedConnections, refusedAddress, refusedSilent, refusedHandshake, refusedHeaders, refusedHost, refusedChange, refusedGuess}
}

// refusals counts who was turned away.
type refusals struct{ *listen.Refusals }

func newRefusals(log *slog.Logger, m *metrics.Admin) *refusals {
	return &refusals{listen.NewRefusals(log, "admin request refused", allRefusals(), m.Refused)}
}

// connection counts a connection for which there was no room.
func (r *refusals) connection(why listen.Refusal, from net.Addr) {
	detail := map[listen.Refusal]string{
		listen.TooMany:          "too many connections",
		listen.TooManyOfAddress: "too many connections from this address",
		listen.Displaced:        "a silent connection was closed, since there was no room for a new one",
	}[why]
	r.Add("admin_"+string(why), peerOf(from), detail,
		"look what keeps connections open there; raise admin.max_connections or admin.max_connections_per_address if these are yours")
}

// peerOf is who connects, as people are told it. A client of a unix socket has no address.
func peerOf(a net.Addr) string {
	if a.Network() == "unix" {
		return "unix socket"
	}
	return a.String()
}
