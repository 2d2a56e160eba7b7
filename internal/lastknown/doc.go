// Package lastknown keeps the catalog that was last believed in a file, so that a Legate that
// starts while Consul is away has something to serve.
//
// A [Shelf] stands between discovery and the bridge. What it promises:
//
//   - Every believed catalog gets into the file: whole and atomically (a neighbour is written,
//     synced and renamed, and the folder synced), a few seconds after a change at the earliest,
//     by a goroutine of its own. Neither discovery nor the bridge ever waits for a disk.
//   - An invalid file (cut short, changed, of another datacenter or selection, of a later version, too
//     old) is not used at all: one warning says why and what to do, and Legate goes on without it.
//     The same applies to a folder that cannot be written.
//   - A file of a later version is kept under another name before it is replaced: see newer.
//   - A file that users other than Legate's and root could have written is not used either. A folder
//     to which others can write is reported for as long as they can: they could put an older file there.
//   - Consul takes precedence. The file is served only if Consul was not read completely within a
//     grace period. Then the log, the metrics, /readyz and the page say so.
//   - When Consul is back, the first complete read replaces what the file said as one Delta.
//     Which losses are believed then is not decided here: discovery was given the same catalog
//     as its last believed one (see discovery.Watcher.Seed) and guards it.
//   - Data that comes from the file alone keeps its date, whatever is written.
//   - When another selection of services is watched (Rescope), the file is rewritten for it. Services
//     that are no longer selected are dropped from the file and from what is served from it.
//   - If no datacenter is configured, the file's is believed while the agent is away. Once the agent
//     names another one, Run fails: the served catalog belonged to another Legate. Only a restart
//     moves the clients to the right one.
//   - A failed write is retried after 5 seconds, then less often, at least every minute. A write that
//     does not end is reported, and delays the end of the program by at most 3 seconds.
//
// A service's meta can hold anything, so the file is for its owner only (mode 0600).
package lastknown
