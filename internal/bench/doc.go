// Program bench measures what serving xDS costs: Legate's server, go-control-plane's stock
// caches, and the floor, which is a bare grpc-go server that only sends frames that were made
// before and reads what comes back.
//
// What a reader of its figures may rely on:
//
//   - Each contender is a process of its own: this program, started again. Its CPU is what the
//     kernel accounts to that process (getrusage), from before the change until every answer of
//     every client was read and the process is quiet again. The clients live in another process.
//   - All contenders of a case run at the same time and take turns, so that what the machine
//     does besides meets all of them. A ratio compares turns of one round; figures are medians.
//   - All run with the same gRPC options, those of Legate's server, and serve the same resources,
//     which Legate's own translation made from the same catalog. Preparing a change (translating,
//     and for the floor: encoding the frame) is not measured, applying and sending it is.
//   - Clients speak xDS: they subscribe, keep what they get, and acknowledge each response, with
//     HTTP/2 windows of 256 MiB as Envoy has them. A stream has a connection of its own, as
//     Envoy's has, unless -per-connection says otherwise.
//   - A case counts only if each stream ends with exactly the right content, byte for byte.
//
// The floor decodes acknowledgements on incremental streams only, as generated code does it, and
// answers who asked for what from a plain map.
package main
