// Package changes keeps what has changed lately: which service, in what, when Consul's answer came, and when it was
// published. So somebody on call sees what changed before it broke.
//
// What it promises:
//
//   - A change says exactly what differs between two values, and nothing else. What Consul moves without anything
//     having changed, such as an index or a check's output, is no change.
//   - The record is bounded, in number and in bytes, and so is each change in it. The oldest changes are forgotten;
//     lines beyond the bound of a change are counted.
//   - Adding to it waits for nobody: neither for who reads it nor for a log.
//   - Ids only grow. Ids of two starts of Legate differ.
package changes
