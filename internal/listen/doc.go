// Package listen makes listeners that strangers may not use: TLS whose certificates follow their
// files, and unix sockets that only those can open whom the user names.
//
// What a caller may rely on:
//
//   - [NewCredentials] fails if anything is wrong with the files, and says what to do about it.
//   - Later, files that changed are read again, all of them together. What cannot be used changes
//     nothing: the last good certificates stay, and one line is logged.
//   - Connections that are open keep what they were opened with, for as long as their client would
//     get in: one whose certificate has expired, or whose authority was removed, is sent away soon.
//   - A client whose certificate is not allowed does not get past the handshake.
package listen
