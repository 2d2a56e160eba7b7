// Package discovery turns what Consul's catalog says into plain values.
//
// A [Watcher] follows one Consul datacenter with blocking queries and hands out
// [Delta] values. What a reader may rely on:
//
//   - The first Delta is complete: it holds every selected service. Nothing is
//     handed out before all of them were read.
//   - Folding the Deltas in order with [Catalog.Apply] gives the catalog as it was
//     last believed. A slow reader gets fewer, larger Deltas and never an old one.
//   - A Delta is never empty of meaning: an answer that changes no value is dropped.
//   - Values are sorted and are never changed after they were handed over.
//   - While Consul is away, nothing is handed out and nothing is taken back: the
//     last believed values stay. The Watcher retries for ever.
//
// It is the only package that knows github.com/hashicorp/consul/api.
package discovery
