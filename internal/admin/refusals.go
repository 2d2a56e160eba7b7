package admin

import (
	"log/slog"
	"net"

	"legate/internal/listen"
	"legate/metrics"
)

// Names, in metrics and status, of the reasons to refuse a client of a listener for people and
// probes.
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

// refusals counts refused clients.
type refusals struct{ *listen.Refusals }

func newRefusals(log *slog.Logger, m *metrics.Admin) *refusals {
	return &refusals{listen.NewRefusals(log, "admin request refused", allRefusals(), m.Refused)}
}

// connection counts a connection that was refused for want of room.
func (r *refusals) connection(why listen.Refusal, from net.Addr) {
	detail := map[listen.Refusal]string{
		listen.TooMany:          "too many connections",
		listen.TooManyOfAddress: "too many connections from this address",
		listen.Displaced:        "an idle connection was closed to make room for a new one",
	}[why]
	r.Add("admin_"+string(why), peerOf(from), detail,
		"check what keeps connections open there; raise admin.max_connections or admin.max_connections_per_address if these are yours")
}

// peerOf returns a client's address for people. Clients of a unix socket have none.
func peerOf(a net.Addr) string {
	if a.Network() == "unix" {
		return "unix socket"
	}
	return a.String()
}
