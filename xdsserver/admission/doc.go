// Package admission says how much clients may take: the limits, the memory that they may have Legate hold, and
// what a client that met a limit is told. It has no streams: package xdsserver applies the limits to streams
// (streams.go) and connections (connections.go).
//
// What a caller may rely on:
//
//   - [Limits] are values. [DefaultLimits] leave a fleet of thousands of Envoys alone.
//   - A [Budget] allows so much to be taken from it, and half of that by one address. Only what is in memory
//     already may go beyond ([Budget.Force]). Whoever takes something gives it back.
//   - An [Error] names its limit, and says what whoever runs Legate can do. It has a gRPC status. [Refusals] counts
//     each, and logs each limit once a minute at most.
package admission
