// Package chaos is the fault suite: real Consul clusters, Legate as its users run it, and real
// Envoys with steady traffic, exposed to faults that occur in practice.
//
// Each fault is an entry of a list: its name, how it is injected, and a function that starts it,
// keeps it up and ends it. For each fault the suite checks the same:
//
//   - During the fault and afterwards, no Envoy loses an endpoint that Consul did not lose. This is
//     checked with samples of Envoy's /clusters and with Envoy's own count of membership changes.
//   - No request of the steady traffic fails.
//   - After the fault, a newly registered instance is in every Envoy within 5 seconds, and a
//     deregistered one has left every Envoy within 5 seconds.
//   - Goroutines, file descriptors, connections to Consul and memory return to what they were.
//
// A fault that violates any of these is reported as failed, with what was seen. Only one thing is
// simulated: fakeFront, a reverse proxy before Consul, gives answers that a real Consul does not
// give on demand.
//
// Other datacenters and a peer have two groups of their own. There a change in the own datacenter also arrives while
// another one is away, and a change there once it is back.
//
// The alert rules of examples/grafana are judged in an hour of their own, by a real Prometheus: in one
// in which all is well none is pending, and then each fires in its fault, and no other does. There a
// minute lasts two seconds (see package live), and the clients are scripted: an Envoy does not reject on demand.
//
// A short selection runs with the other tests. The whole suite, and a run of hours against a model
// of what Envoy must have, are started by
//
//	make chaos
//	make soak HOURS=1
//
// Both write their results as Markdown. Some faults need Linux and root; one that cannot be
// injected is listed as skipped, not as passed.
package chaos
