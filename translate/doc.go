// Package translate turns catalog values into xDS resources.
//
// It works like a spreadsheet. The inputs are the services of the catalog, Consul's config entries, and the
// operator's policies (see package policy). A unit is one name that
// clients can ask for; it is built by a pure function, and everything that this function looks at
// goes through a reader, which records it. When an input changes, the units that read it are built
// again, and no others. So dependencies are never declared and never forgotten.
//
// The package is pure: no clock, no I/O, no logger, and no state but the [Resources] value.
//
// Three laws hold, and are tested on random catalogs:
//
//   - Applying a difference gives the other: whoever has the resources of r and applies
//     next.Diff(r) has those of next, and was told of nothing that it had already.
//   - Folding deltas gives the same Resources as translating the last catalog whole.
//   - A unit that did not read a key does not change when the key does. It is not even built.
//
// What a caller may rely on besides:
//
//   - A delta costs what the units cost that read what it changes, whatever else the catalog holds.
//   - What is built again and has equal content is not sent again, and is held only once. So do
//     several views of one catalog ([Resources.View]) hold what is equal in them.
//   - Every resource that leaves passes protoc-gen-validate and our own rules, so that Envoy
//     does not reject it. What fails becomes a [Problem] and is left out alone.
//   - A cluster depends on its service's effective policy alone: instances that come and go never change
//     it, unless most of them say another policy than before. Envoy would rebuild it, drop its connections
//     and warm it again. A change of policies builds only the units again whose policy is another now.
//   - Each service that can be served gives a cluster and an assignment of its name, also when it
//     has no instances. So does each of its further ports. An own service's name is its
//     cluster's name. One of another datacenter or of a peer has its name with where it is, web.dc2 or
//     web.cluster01.peer, unless a service is registered here under that very name.
//   - A critical instance is sent as unhealthy, one in maintenance as draining. Neither is left out,
//     unless the policy says so, and neither changes its weight.
//   - Host names come resolved (see package resolve): each address is an endpoint like any other.
//     Only where Envoy is to resolve them (Config.Resolved is false) a service with a host name
//     becomes a DNS cluster, since EDS takes IP addresses and unix sockets only. A DNS cluster
//     contains its endpoints, so it is the one kind of cluster that changes with them. Its assignment
//     has the instances that EDS can carry: a client that names the service in a static EDS
//     cluster loses the host names and nothing else.
//   - Equal catalogs give equal bytes and equal versions, on every replica and after a restart.
package translate
