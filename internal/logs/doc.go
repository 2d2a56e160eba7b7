// Package logs bounds what the program logs, line by line, before it is written. Whatever text
// clients or Consul put into a log line:
//
//   - A line stays one line and cannot control a terminal. Unprintable characters are escaped, C1
//     controls and marks that change the direction of text included.
//   - A line has a bounded length. Texts and lists are cut, and the line says how long they were.
//   - Each kind of line is rate limited. Further lines are counted, and one line then reports the
//     count. So nobody can fill a disk by making the program complain.
//
// A kind is a place in the code together with the message that it logs.
package logs
