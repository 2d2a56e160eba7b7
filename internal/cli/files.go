package cli

import (
	"log/slog"

	"legate/internal/listen"
	"legate/xdsserver/admission"
)

// Every connection is an open file of the process. Without a free one nobody can connect, and
// Consul cannot be asked. So the limit of the system is divided up at the start.

const (
	// ownFiles is how many files Legate needs besides connections: listeners, logs, the catalog on
	// disk, DNS sockets.
	ownFiles = 64
	// leastClients is the number of connections that each listener keeps, however low the limit is.
	leastClients = 16
	// peopleShare limits people and probes to one part in so many of the files, if there are too
	// few.
	peopleShare = 4
)

// divideFiles lowers the limits to what the system allows, and logs it if it had to.
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

// fitFiles lowers the limits on connections if the system allows fewer files than they need.
// Consul's connections keep their number, each listener for people and probes gets its share, and
// clients get the rest. It returns the number of files that the limits needed, or 0 if nothing had
// to be lowered.
func (o *serveOptions) fitFiles(allowed uint64) (wanted int) {
	people, clients, listeners := &o.listen.people.Bounds, &o.xds.Limits, o.listen.forPeople()
	kept := ownFiles + o.consul.Consul.MaxConnections
	wanted = kept + clients.Connections + listeners*people.Connections
	if allowed >= uint64(wanted) {
		return 0
	}
	spare := int(allowed) - kept
	lowerBounds(people, spare/peopleShare/listeners)
	lowerLimits(clients, spare-listeners*people.Connections)
	return wanted
}

// forPeople returns the number of listeners for people and probes: --admin-listen, a unix socket,
// --metrics-listen.
func (o *listenOptions) forPeople() int {
	if o.metrics == "" {
		return 2
	}
	return 3
}

// lowerBounds scales the bounds down to that many connections.
func lowerBounds(b *listen.Bounds, most int) {
	was := b.Connections
	b.Connections = min(was, max(leastClients, most))
	b.PerAddress = part(b.PerAddress, b.Connections, was)
}

// lowerLimits scales the limits of clients down to that many connections.
func lowerLimits(l *admission.Limits, most int) {
	was := l.Connections
	l.Connections = min(was, max(leastClients, most))
	l.ConnectionsPerAddress = part(l.ConnectionsPerAddress, l.Connections, was)
	l.RESTConnections = part(l.RESTConnections, l.Connections, was)
}

// part returns n scaled by whole/was, at least 1.
func part(n, whole, was int) int { return max(1, int(int64(n)*int64(whole)/int64(was))) }
