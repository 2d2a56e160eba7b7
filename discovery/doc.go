// Package discovery turns what Consul's catalog says into plain values.
//
// A [Watcher] follows one Consul datacenter with blocking queries and hands out
// [Delta] values. What a reader may rely on:
//
//   - The first Delta is complete: it holds every selected service. Nothing is
//     handed out before all of them were read. An empty catalog gives an empty Delta.
//   - Folding the Deltas in order with [Catalog.Apply] gives the catalog as it was
//     last believed. A slow reader gets fewer, larger Deltas and never an old one.
//   - Apart from the first, a Delta is never empty: an answer that changes no value is
//     dropped, and so is a change that was taken back before the reader came for it.
//   - Values are sorted and are never changed after they were handed over.
//   - While Consul is away, nothing is handed out and nothing is taken back: the
//     last believed values stay. The Watcher retries for ever.
//
// What Consul may rely on: there are never more connections than [Config].MaxConnections;
// one blocking query for the list of services, at most once a second, and one for each
// service; a service for which there is no connection left is read in turn; after an
// outage reads come back a few at a time.
//
// What counts as a service: each name that Consul lists, with its typical instances.
// Sidecar proxies and gateways are left out by their kind, and so is Consul's own service. Names
// are kept as they are spelled; where two differ only in case, Consul gives both the instances
// of both, and so does this package. A listed service whose last instance went stays, without
// instances, until Consul no longer lists it. A service that is no longer listed goes when its
// own answer, asked of the leader, says that there are no instances.
//
// It is the only package that knows github.com/hashicorp/consul/api.
package discovery
