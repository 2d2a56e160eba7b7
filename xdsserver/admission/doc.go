// Package admission says how much clients may take: the limits, the memory that they may have Legate hold, and
// what a client that met a limit is told.
//
// What a caller may rely on:
//
//   - [Limits] are values. [DefaultLimits] leave a fleet of thousands of Envoys alone.
//   - A [Budget] never has more taken from it than it allows, and an address never more than half of that, but for
//     what is there already ([Budget.Force]). What was taken is given back by who took it.
//   - An [Error] names its limit, and says what whoever runs Legate can do. It has a gRPC status. [Refusals] counts
//     each, and logs each limit once a minute at most.
package admission
