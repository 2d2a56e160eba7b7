// Package register makes Legate a service in Consul, so that Envoys find it by Consul's DNS.
//
// A [Registrar] promises:
//
//   - It registers with the agent that Legate asks, once there is something to serve. Its checks begin as passing, so
//     DNS names it at once.
//   - The id stays the same over a restart on the same host and port: a Legate that is started again replaces itself.
//   - The agent runs the checks that it can reach (see [Facts]). If it can run none, Legate tells it every few seconds
//     that it is well.
//   - An agent that has forgotten it is told again, and so is one that knows it otherwise than it is now.
//   - Nothing waits for it. An agent that is away or refuses is asked again, less and less often, at least every half a
//     minute; meanwhile Status says what is wrong and what to do.
//   - Leave removes it from Consul, for when Legate is told to stop. A Legate that crashes stays registered: its checks
//     turn critical, and DNS names it no more. After Config.RemoveAfter the agent removes it.
package register
