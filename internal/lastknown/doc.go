// Package lastknown keeps the catalog that was last believed in a file, so that a Legate that
// starts while Consul is away has something to serve.
//
// A [Shelf] stands between discovery and the bridge. What it promises:
//
//   - Every believed catalog gets into the file: whole and atomically (a neighbour is written,
//     synced and renamed, and the folder synced), a few seconds after a change at the earliest,
//     by a goroutine of its own. Neither discovery nor the bridge ever waits for a disk.
//   - A file that is not what it should be (cut short, changed, of another datacenter or
//     selection, of a later version, too old) is not used at all: one warning says why and what
//     to do, and Legate goes on without it. The same holds for a folder that cannot be written.
//   - Nor is a file that somebody else than Legate's user and root could have written. A folder that
//     others can write to is named for as long as they can: they could put an older file there.
//   - Consul goes first. The file is served only if Consul was not read completely within a
//     grace period, and then it is said loudly: in the log, the metrics, /readyz and the page.
//   - When Consul is back, the first complete read replaces what the file said as one Delta.
//     Which losses are believed then is not decided here: discovery was given the same catalog
//     as its last believed one (see discovery.Watcher.Seed) and guards it.
//   - What only the file says keeps its date, whatever is written.
//   - Where another selection of services is watched from now on (Rescope), the file is written anew
//     for it, narrowed where it has more; so is what is served from it.
//   - Where nobody named the datacenter, the file's is believed for as long as the agent is away.
//     Once the agent names another one, Run fails: what is served was somebody else's, and clients
//     are given another Legate's catalog only by a Legate that starts anew.
//   - A write that fails is tried again after 5 seconds, then less often, at least every minute. One
//     that does not end is named, and holds up the end of the program for 3 seconds.
//
// A service's meta can hold anything, so the file is for its owner only (mode 0600).
package lastknown
