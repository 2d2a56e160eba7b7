// Program bench measures the cost of serving xDS: of Legate's server, of go-control-plane's stock
// caches, and of the floor, which is a bare grpc-go server that only sends prepared frames and
// reads what comes back.
//
// What a reader of its figures may rely on:
//
//   - Each contender is a process of its own: this program, started again. Its CPU time is what the
//     kernel accounts to that process (getrusage), from before the change until every answer of
//     every client has been read and the process is idle again. The clients are in another process.
//   - All contenders of a case run at the same time and take turns, so that other load on the
//     machine affects all of them. A ratio compares turns of one round; figures are medians.
//   - All use the same gRPC options, those of Legate's server, and serve the same resources, which
//     Legate's own translation made from the same catalog. Preparing a change (translating and, for
//     the floor, encoding the frame) is not measured; applying and sending it is.
//   - Clients speak xDS: they subscribe, keep what they get, and acknowledge each response, with
//     Envoy's HTTP/2 windows of 256 MiB. A stream has a connection of its own, like Envoy's, unless
//     -per-connection says otherwise.
//   - A case counts only if each stream ends with exactly the right content, byte for byte.
//
// The floor decodes acknowledgements on incremental streams only, as generated code does, and finds
// subscribers in a plain map.
package main
