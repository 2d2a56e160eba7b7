// Package xdsserver serves translated resources to Envoy: aggregated (ADS) and per type, as
// state of the world, incremental, and over REST.
//
// The snapshot cache and the stream loops are our own, behind go-control-plane's server: its
// loops believe every response delivered, and its caches cost seconds per change at fleet size.
// What a caller and a client may rely on:
//
//   - [Server.Publish] applies one batch atomically and never waits for a client. Nothing is
//     sent to anybody before the first batch of a view.
//   - A change costs what it touches: the streams that asked for the changed names.
//   - Within a batch clusters go before assignments. A cluster that is sent brings its
//     assignment along, since Envoy waits for it again (up to initial_fetch_timeout). If the client has assignments over
//     another stream of the same connection, it goes there once the client has answered for the cluster.
//   - Every assignment asked for by name is answered: with an empty one where Consul has no such
//     service, or has it no longer. An Envoy that is left without an answer starts 15 s late,
//     and keeps the old endpoints of a service whose assignment merely vanished.
//   - A response that a client rejects counts as not delivered. Its halves are sent again, and theirs, until
//     the offender stands alone; what cannot be halved waits until something in it changes. The resource
//     that is rejected alone is quarantined on that stream: the last state that some client accepted
//     takes its place. No client decides for another: what is new is offered to each.
//   - A slow client gets the latest state when it reads again, not each state in between. It delays
//     nobody, and nothing queues up for it.
//   - Versions are content hashes. A client that comes back incrementally with the versions it
//     has gets only what differs, from this replica or another.
//   - A client that does not wait after it was refused loses its connection, and has to wait before it
//     is let in again. So do others from its address; those that are connected notice nothing.
//   - A stream's view is chosen from its first request and stays, whatever its node says later.
//
// It is the only package that knows go-control-plane's pkg/cache and pkg/server.
package xdsserver
