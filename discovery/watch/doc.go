// Package watch keeps the questions to one Consul open: which services there are, what each of them is,
// and which config entries there are. It decides which answers are believed, and which service has a
// blocking query of its own.
//
// What the caller of [Queries] may rely on:
//
//   - An answer that is told as an [Event] was judged: see judge.go for each rule. An answer that says the
//     same as the last one is not told.
//   - The first read, and the first after any failure, is asked for ?consistent: the leader answers. So
//     is an answer asked for again that looks doubtful or takes something away.
//   - A question that fails is asked again for ever, with back-off and jitter. All that wait are woken when
//     Consul answers again.
//   - The answers about one service come in the order in which they were given.
//
// What Consul may rely on:
//
//   - One blocking query for the list of services, at most once a second, one for each kind of config
//     entries (entries.go), and one for each service. Where there are more services than connections, the
//     blocking queries are for those that somebody wants and that changed last (lru.go). The others stand in a poll ring (pollring.go): signals, which
//     are paced answers about all checks, name those to read again, and a slow sweep sees what no
//     signal shows: weights, addresses, meta, and instances without checks.
//   - At the start everything is read once, of all sites, and served, before the blocking queries are opened, two
//     thousand a second at most (firstreads.go). After an outage reads come back a few at a time.
//   - The canary (canary.go) reads the list every Config.Canary. While Consul does not answer, the canary
//     alone asks five or six times a second.
//
// Queries is used by one goroutine, the caller's event loop. Methods that others may call say so.
package watch
