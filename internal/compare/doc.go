// Package compare says what clients of xDS get: a cluster and its endpoints in a few words, and how two
// states of them differ, one change a line.
//
// It is pure: no clock, no I/O, no log. What a caller may rely on:
//
//   - Two states without a change between them are equal, apart from the order of things that have
//     none. A locality's weight counts only if it does not follow from those of its endpoints.
//   - Changes come in one order: what a service has lost, then what has changed, then what it has
//     gained; endpoints by address. The cluster goes last and comes first, as in make before break.
//   - A fault is a change from what a side should have to what it has. The side that follows is wrong.
//   - Each line is one line of printable characters, whatever is in a resource.
package compare
