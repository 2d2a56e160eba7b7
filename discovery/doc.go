// Package discovery turns what Consul's catalog says into plain values.
//
// A [Watcher] follows one Consul datacenter, or one peer, with blocking queries and hands out
// [catalog.Delta] values. A [Federation] has a Watcher for the own datacenter and for each other one, and makes one
// stream of theirs. What a reader may rely on:
//
//   - The first Delta is complete: it holds every selected service that is followed, and all config entries. Nothing is
//     handed out before all of them were read. An empty catalog gives an empty Delta. There are three
//     exceptions: names that Consul refuses to be asked for while it answers for others (see
//     refused.go), a few services that cannot be read although all others can, which are no
//     longer waited for after 10 s (see firstsync.go), and config entries that Consul does not tell.
//   - Folding the Deltas in order with [catalog.Catalog.Apply] gives the catalog as it was
//     last believed. A slow reader gets fewer, larger Deltas and never an old one.
//   - Apart from the first, a Delta is never empty: an answer that changes no value is
//     dropped, and so is a change that was taken back before the reader came for it.
//   - Values are sorted and are never changed after they were handed over.
//   - What Consul seems to have lost is not taken back before that is sure (see below).
//   - While Consul is away, nothing is handed out and nothing is taken back: the
//     last believed values stay. The Watcher retries for ever.
//
// # How it is done
//
// Four packages do the work, and the Watcher's event loop (loop.go) ties them together:
//
//   - Package consul asks Consul, over connections that are few and bounded.
//   - Package watch keeps the questions open, decides which answers are believed, and tells what is new
//     as events. What the leader says twice, Config.Guard.Confirm apart, is believed; nothing is taken away
//     without the leader's word.
//   - Such an answer can still be the truth about a Consul that lost its state, was restored, or was
//     emptied by a tool gone wild. So package guard decides which losses are believed, and holds those that
//     are suspicious: what it holds is served on as it was last seen. The loop does what the guard
//     decides, has what it holds checked, and shows it.
//   - Package catalog has the values.
//
// Everything is read again, consistently and spread evenly, within Config.Guard.Reread (check.go).
//
// # Config entries
//
// Consul's config entries say how services are reached: to lose one can turn a gRPC service into one of
// HTTP/1.1, which is as bad as to lose its instances. A list of them lacks what the token may not read,
// with 200. So what a list lacks is held, and the leader is asked for it by its name: it says 404 only to
// who may read the entry (entries.go, package guard).
//
// # What is selected, and what counts as a service
//
// The [catalog.Selection] is the operator's: a changed one acts at once, on what is held, too. What it
// selects by data, its tags, it selects instance by instance, and a service of which no instance is
// selected is not served. An instance that loses its tags is lost like one that is gone: it needs the
// leader's word, and the guard holds what is suspicious.
//
// What counts as a service: each name that Consul lists, with its typical instances. Of a name
// that is not printable there is the name alone: Consul lets nobody ask for it.
// Sidecar proxies and gateways are left out by their kind, and so is Consul's own service. Names
// are kept as they are spelled: where two differ only in case, Consul answers for each with the
// instances of both, and here each has those that are spelled as it is.
//
// Of the services that count, those are followed that somebody wants ([Watcher.Follow]); without that, all are. The
// first Delta then has what is wanted at that moment, and what was seeded: clients have Config.Linger to come back.
//
// A listed service whose last instance went stays, without instances, until Consul no longer lists it. A service that is no longer listed goes when its
// own answer, asked of the leader, says that there are no instances, and the guard agrees.
package discovery
