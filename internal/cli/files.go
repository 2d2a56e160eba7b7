package cli

import (
	"log/slog"
	"syscall"
)

// ownFiles is what Legate holds open besides connections to Consul and of clients: listeners,
// logs, the catalog on disk, a few people who look.
const ownFiles = 64

// warnOfFewFiles says if the system lets Legate open fewer files than it is allowed to need: a
// connection is a file. Go has raised the soft limit to the hard one already.
func warnOfFewFiles(log *slog.Logger, toConsul, clients int) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		log.Debug("limit of open files is not known", "error", err)
		return
	}
	if need := tooFewFiles(limit.Cur, toConsul, clients); need > 0 {
		log.Warn("few files may be open: beyond that clients are turned away", "limit", limit.Cur, "wanted", need,
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
