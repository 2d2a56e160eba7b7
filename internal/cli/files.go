package cli

import "log/slog"

// ownFiles is what Legate holds open besides connections to Consul and of clients: listeners,
// logs, the catalog on disk, a few people who look.
const ownFiles = 64

// warnOfFewFiles says if the system lets Legate open fewer files than it is allowed to need: a
// connection is a file.
func warnOfFewFiles(log *slog.Logger, toConsul, clients int) {
	limit, err := fileLimit()
	if err != nil {
		log.Debug("limit of open files is not known", "error", err)
		return
	}
	if wanted := tooFewFiles(limit, toConsul, clients); wanted > 0 {
		log.Warn("few files may be open: beyond that clients are turned away", "limit", limit, "wanted", wanted,
			"remedy", "raise it: LimitNOFILE=65536 in the systemd unit, or ulimit -n 65536")
	}
}

// tooFewFiles is how many are wanted, if the limit is below.
func tooFewFiles(limit uint64, toConsul, clients int) (wanted uint64) {
	wanted = uint64(toConsul + clients + ownFiles)
	if limit >= wanted {
		return 0
	}
	return wanted
}
