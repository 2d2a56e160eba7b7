// Package legatetest gives tests Legate as its users run it: a program with flags, in a process
// of its own, which can be stopped, killed, frozen and started again on the same ports.
package legatetest
