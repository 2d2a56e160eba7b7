// Package parts finds and starts the real programs that the demo and the tests run: a Consul, an
// Envoy and Legate itself.
//
// Finding, by [Program.Find]: the program on PATH when its version fits, else the one in the
// user's cache folder. Package pinned, which is for tests and for "make parts", makes it there.
//
// Starting, by [StartConsul] and [StartEnvoy]: everything listens on loopback, on ports that
// were free. They return when the program answers. What a caller may rely on:
//
//   - A program ends with the process that started it, even when that is killed (on Linux; on
//     other systems only when Close or Stop is called).
//   - Stop is bounded: a program that does not end by itself is killed.
//   - A program that fails to start leaves its log behind, and the error says where. Otherwise
//     nothing is left: a folder whose owner was killed is removed by the next one who starts.
//
// A [Consul], an [Envoy] and a [Legate] can be stopped, killed, frozen and started again on the
// same ports. Those methods belong to one goroutine.
package parts
