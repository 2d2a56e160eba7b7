package admin

import (
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"legate/internal/listen"
	"legate/metrics"
	"legate/xdsserver"
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

// logEvery is how often one kind of refusal is logged at most: who is refused comes again and again.
const logEvery = time.Minute

// refusals counts who was turned away.
type refusals struct {
	log     *slog.Logger
	metrics *metrics.Admin
	now     func() time.Time

	mu   sync.Mutex
	kind map[string]*turned
}

// turned is what is known of one kind of refusal.
type turned struct {
	xdsserver.Refused
	logged time.Time
	silent int // since it was logged
}

func newRefusals(log *slog.Logger, m *metrics.Admin, now func() time.Time) *refusals {
	r := &refusals{log: log, metrics: m, now: now, kind: map[string]*turned{}}
	for _, limit := range allRefusals() {
		r.kind[limit] = &turned{Refused: xdsserver.Refused{Limit: limit}}
	}
	return r
}

// add counts that somebody was turned away.
func (r *refusals) add(limit, from, detail, remedy string) {
	r.metrics.Refused(limit)
	now := r.now()
	r.mu.Lock()
	k := r.kind[limit]
	k.Count++
	k.Last, k.From, k.Detail, k.Remedy = now, from, detail, remedy
	say, silent := now.Sub(k.logged) >= logEvery, k.silent
	if say {
		k.logged, k.silent = now, 0
	} else {
		k.silent++
	}
	r.mu.Unlock()
	if say {
		r.log.Warn("admin request refused", "limit", limit, "peer", from, "error", detail, "repeats", silent, "remedy", remedy)
	}
}

// connection counts a connection for which there was no room.
func (r *refusals) connection(why listen.Refusal, from net.Addr) {
	detail := map[listen.Refusal]string{
		listen.TooMany:          "too many connections",
		listen.TooManyOfAddress: "too many connections from this address",
		listen.Displaced:        "a silent connection was closed, since there was no room for a new one",
	}[why]
	r.add("admin_"+string(why), peerOf(from), detail,
		"look what keeps connections open there; raise admin.max_connections or admin.max_connections_per_address if these are yours")
}

// peerOf is who connects, as people are told it. A client of a unix socket has no address.
func peerOf(a net.Addr) string {
	if a.Network() == "unix" {
		return "unix socket"
	}
	return a.String()
}

// all are all kinds, also those that were not met.
func (r *refusals) all() []xdsserver.Refused {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []xdsserver.Refused
	for _, limit := range allRefusals() {
		out = append(out, r.kind[limit].Refused)
	}
	return slices.Clip(out)
}
