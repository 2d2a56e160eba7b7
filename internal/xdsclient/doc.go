// Package xdsclient is a client of xDS for people who want to see what an Envoy gets: incremental ADS, clusters
// and their assignments.
//
// It is a client in production like any other. What a server and a caller may rely on:
//
//   - It acknowledges each response, and rejects none.
//   - It holds one state of each resource that it was sent, encoded, up to [Config.MaxBytes], and nothing of
//     what came before. While [Client.Run]'s handler is busy it reads no further: what changes
//     meanwhile the server sums up.
//   - After the connection is lost it connects again, later each time, and never sooner than the server
//     asks for. It brings the versions that it holds, so it is sent only what has changed since.
//   - Without names it subscribes to all clusters, and to the assignment of each that takes its
//     endpoints from there, as an Envoy does. With names it subscribes to those clusters and
//     assignments only.
package xdsclient
