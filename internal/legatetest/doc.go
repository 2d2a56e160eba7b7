// Package legatetest gives tests Legate's program, built once for a run, and Legates that end with
// the test.
package legatetest
