// Package translate turns catalog values into xDS resources.
//
// It is pure: no clock, no I/O, no logger, and no state but the [Resources] value.
// What a caller may rely on:
//
//   - A delta costs what its services cost, whatever else the catalog holds.
//   - Folding deltas gives the same Resources as translating the last catalog whole.
//   - Every resource that leaves passes protoc-gen-validate and our own rules, so that Envoy
//     does not reject it. What fails becomes a [Problem] and is left out alone.
//   - A cluster depends on as little as possible: instances that come and go never change it,
//     since Envoy would rebuild it, drop its connections and warm it again.
//   - Each service that can be served gives a cluster and an assignment of its name, also when it
//     has no instances. Services of the own datacenter only: their names are the clusters' names.
//   - A critical instance is sent as unhealthy, one in maintenance as draining; neither is ever
//     left out, and neither changes its weight.
//   - Host names come resolved (see package resolve): each address is an endpoint like any other. Only
//     where Envoy is to resolve them (Config.Resolved false) a service with a host name becomes a DNS
//     cluster, which holds its endpoints itself and so does change with them: EDS takes IP addresses
//     and unix sockets only. Its assignment has the instances that EDS can carry, so that who names
//     the service in a static EDS cluster loses the host names and nothing else.
//   - Equal catalogs give equal bytes and equal versions, on every replica and after a restart.
package translate
