// Package admission decides which clients come in, how often, and how much they may take: connections, streams, unary
// requests, names and memory. It knows nothing of resources, and nothing of what a stream says but its node's id.
//
// What a caller may rely on:
//
//   - [Limits] are values. [DefaultLimits] leave a fleet of thousands of Envoys alone.
//   - A [Limiter] counts connections, streams and nodes, by address and in total, and has their rate limits. A
//     connection is admitted by its listener ([Limiter.Listen], [Limiter.ListenREST]), a [Stream] by [Stream.Admit], a
//     unary request by [Limiter.AdmitFetch]. Whoever was admitted is released. What waits for admission ends with its
//     context, and with Legate.
//   - Who does not wait when it is refused gets a penalty (penalty.go), which ends.
//   - A [Budget] allows so much to be taken from it, and half of that by one address. Only what is in memory
//     already may go beyond ([Budget.Force]). Whoever takes something gives it back.
//   - An [Error] names its limit, and says what whoever runs Legate can do. It has a gRPC status. [Refusals] counts
//     each, and logs each limit once a minute at most.
//
// The Limiter has one lock, for what is counted and for penalties. It is never held while anything waits. Budget, charges,
// rate limiters and unread answers are safe by themselves.
//
// Not here, since an interface would be wider than the code behind it: how requests are read while they arrive, and how
// much of a response a client has taken in (receive.go and intake.go in package xdsserver). They count the bytes of a
// stream's messages, and ask here for the memory and for the rate.
package admission
