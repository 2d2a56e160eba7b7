// Package chain says where requests to a service go by Consul's config entries: to which part of which
// service, and where to while nothing there takes them. It follows what Consul compiles to a discovery
// chain, as far as service-resolvers are concerned; a test compares the two.
// https://developer.hashicorp.com/consul/docs/manage-traffic/discovery-chain
//
// Config entries of the own datacenter count for all targets, those in other datacenters and of peers included: so
// Consul has it, and it replicates them.
//
// What clients cannot have, or Consul itself would not compile, is told as a [Problem], and what is served
// instead with it: nothing is left out in silence. All is pure: the same entries give the same chain.
package chain
