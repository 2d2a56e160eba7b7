// Package listen makes listeners that restrict who may connect: TLS with certificates that follow
// their files, and unix sockets that only certain users can open.
//
// What a caller may rely on:
//
//   - [NewCredentials] fails if anything is wrong with the files, and says what to do about it.
//   - Later, changed files are read again, all together. Unusable files change nothing: the last
//     good certificates stay in use, and one line is logged.
//   - Open connections keep the certificates of their handshake. A connection is closed soon after
//     its client would no longer be admitted, because its certificate has expired or its authority
//     was removed.
//   - A client whose certificate is not allowed fails the handshake.
package listen
