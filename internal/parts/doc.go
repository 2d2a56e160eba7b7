// Package parts finds and starts the real programs that the demo and the tests use: a Consul, an
// Envoy, a Prometheus and Legate itself.
//
// [Program.Find] returns the program on PATH if its version fits, else the one in the user's cache
// folder. Package pinned, which is for tests and for "make parts", puts it there.
//
// [StartConsul], [StartEnvoy] and [StartPrometheus] return once the program answers. Everything listens on loopback,
// on ports that were free. What a caller may rely on:
//
//   - A program ends with the process that started it, even if that is killed (on Linux; on other
//     systems only when Close or Stop is called).
//   - Stop is bounded: a program that does not end by itself is killed.
//   - A program that fails to start leaves its log behind, and the error says where. Otherwise
//     nothing is left: a folder whose owner was killed is removed at the next start.
//
// [StartFederation] starts a Consul for each of several datacenters, and one more as a peer; they can be
// cut off from each other while they live.
//
// A [Consul], an [Envoy] and a [Legate] can be stopped, killed, frozen and started again on the
// same ports. Those methods must be called from one goroutine.
package parts
