// Package logs stands between the program's log and where it is written. What the rest of the
// program may rely on, whatever others have it say:
//
//   - A line stays one line and does nothing to a terminal: what is not printable is written as an
//     escape, C1 controls and those that change the direction of a text among it.
//   - A line has a bounded length: texts and lists are cut, and say how long they were.
//   - Each kind of line is written so often a minute. What comes beyond that is counted, and one line
//     more says how many they were. So nobody fills a disk by having the program complain.
//
// A kind is a place in the code and the message that it logs there.
package logs
