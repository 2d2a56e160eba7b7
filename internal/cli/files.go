package cli

import (
	"log/slog"

	"legate/internal/listen"
	"legate/xdsserver"
)

// A connection is a file. When there are no more, nobody gets in, and Consul cannot be asked: so what
// the system allows is divided beforehand.

const (
	// ownFiles is what Legate holds open besides connections: listeners, logs, the catalog on disk,
	// questions to DNS.
	ownFiles = 64
	// leastClients is how many connections each listener is left with, however little there is.
	leastClients = 16
	// peopleShare is which part of what is divided people and probes may have, if there is too little:
	// one in so many.
	peopleShare = 4
)

// divideFiles has the limits fit what the system allows, and says so if it had to lower them.
func (o *serveOptions) divideFiles(log *slog.Logger) {
	allowed, err := fileLimit()
	if err != nil {
		log.Debug("limit of open files is not known", "error", err)
		return
	}
	if wanted := o.fitFiles(allowed); wanted > 0 {
		log.Warn("few files may be open: limits of connections are lowered", "limit", allowed, "wanted", wanted,
			"clients", o.xds.Limits.Connections, "people", o.listen.people.Bounds.Connections,
			"remedy", "raise it: LimitNOFILE=65536 in the systemd unit, or ulimit -n 65536")
	}
}

// fitFiles lowers the limits of connections if fewer files are allowed than they need, and returns how
// many are wanted then; else 0. What is Consul's stays, each listener for people and probes has a part,
// and clients have the rest.
func (o *serveOptions) fitFiles(allowed uint64) (wanted int) {
	people, clients, listeners := &o.listen.people.Bounds, &o.xds.Limits, o.listen.forPeople()
	kept := ownFiles + o.consul.MaxConnections
	wanted = kept + clients.Connections + listeners*people.Connections
	if allowed >= uint64(wanted) {
		return 0
	}
	spare := int(allowed) - kept
	lowerBounds(people, spare/peopleShare/listeners)
	lowerLimits(clients, spare-listeners*people.Connections)
	return wanted
}

// forPeople is how many listeners there are for people and probes: --admin-listen, a unix socket, and
// --metrics-listen.
func (o *listenOptions) forPeople() int {
	if o.metrics == "" {
		return 2
	}
	return 3
}

// lowerBounds lowers all of the bounds to their part of so many connections.
func lowerBounds(b *listen.Bounds, most int) {
	was := b.Connections
	b.Connections = min(was, max(leastClients, most))
	b.PerAddress = part(b.PerAddress, b.Connections, was)
}

// lowerLimits does the same to those of clients.
func lowerLimits(l *xdsserver.Limits, most int) {
	was := l.Connections
	l.Connections = min(was, max(leastClients, most))
	l.ConnectionsPerAddress = part(l.ConnectionsPerAddress, l.Connections, was)
	l.RESTConnections = part(l.RESTConnections, l.Connections, was)
}

// part is n as it was lowered with a whole; one at least.
func part(n, whole, was int) int { return max(1, int(int64(n)*int64(whole)/int64(was))) }
