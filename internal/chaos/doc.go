// Package chaos holds the fault suite: real Consul clusters, Legate as its users run it and real
// Envoys under steady traffic, to which things happen that happen to everybody one day.
//
// Each fault is one entry of a list: its name, how it is injected, and a function that makes it
// happen, keeps it up and ends it. Around it the suite always checks the same:
//
//   - while it lasts and afterwards, no endpoint that Consul did not lose goes from any Envoy,
//     seen in samples of Envoy's /clusters and by Envoy's own count of membership changes;
//   - no request of the steady traffic fails;
//   - once it is over, an instance that is registered is in every Envoy within 5 seconds, and
//     one that is deregistered has left every Envoy within 5 seconds;
//   - goroutines, file descriptors, connections to Consul and memory come back to what they were.
//
// A fault that Legate does not stand is reported as failed, with what was seen. Nothing is
// mocked but one thing: fakeFront, a reverse proxy before Consul that gives the answers that the
// real one cannot be made to give on demand.
//
// A short selection runs with the other tests. All of it, and the run of hours against a model
// that knows what Envoy must have, are asked for:
//
//	make chaos
//	make soak HOURS=1
//
// Both write their results as Markdown and need Linux and root for some of the faults; one that
// cannot be injected is named and not counted as stood.
package chaos
