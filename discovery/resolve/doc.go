// Package resolve turns host names of instances into addresses, so that translation does no I/O.
//
// A [Resolver] stands between discovery and translation: services come as Consul has them, and go
// on with [catalog.Service].Hosts filled in. What a reader may rely on:
//
//   - What names no host passes at once.
//   - A service that names a host for the first time waits for the first answer about it, and for
//     Config.Grace at most; so does the first Delta. Nothing else waits for DNS.
//   - Stale beats wrong. Addresses stay while DNS is silent, fails, or answers without any. Where it
//     says that there is no such name (NXDOMAIN), they stay for Config.Keep from the first such answer
//     on, with no good one between. All of that ends when no instance is reached by the name.
//   - A name is asked for again when its answer's time to live is over, within Config.Refresh and
//     Config.Most, shortened at random by up to a quarter so that names do not come together.
//   - At most Config.Queries names are asked for at once.
//   - A long answer is asked for over TCP, too: servers such as Consul's leave out what does not fit
//     into a datagram, without a word.
//   - IPv6 addresses count only where DNS says that there is no IPv4 address: a backend often
//     listens on IPv4 only, and half of the requests would fail.
//
// The hosts file goes first, as everywhere. Then the servers of Config are asked, or those of
// resolv.conf, whose search domains apply; both files are read again when they change.
package resolve
