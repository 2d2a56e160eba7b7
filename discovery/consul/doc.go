// Package consul asks questions of one Consul over HTTP, and turns the answers into values.
//
// What a caller may rely on:
//
//   - There are never more connections than [Config].MaxConnections, whatever they are for. Over HTTP/1.1 a
//     connection carries one question at a time, over HTTP/2 as many as Consul allows. A question that
//     finds no room waits for its turn.
//   - Nothing is taken from the environment: neither an address nor a token nor a proxy.
//   - The token and the files of TLS are read again when they change. A file that cannot be used leaves
//     what was read before in force: that is logged once, and is among [Client.Problems] for as long.
//   - Each question ends: after 20 seconds where no waiting was asked for, and shortly after the
//     longest wait otherwise.
//   - Each error is of a kind ([FailureOf]) and has a remedy ([RemedyOf]).
//
// Whether an answer is believed is not decided here. An answer is an error only if it is none of Consul's
// (a status, something unreadable), or is about something else than was asked for.
//
// It is the only package of the program that knows github.com/hashicorp/consul/api.
package consul
