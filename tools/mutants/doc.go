// Mutants changes a package's code, one place at a time, and runs the package's tests each time: a
// change that no test notices is code that no test holds to anything, or code that has no effect.
//
//	make mutants PKG=./internal/lastknown
//	make mutants PKG=./discovery FILES='guard*.go' MUTANTS='-run Guard -every 2'
//
// What it changes: comparisons (their boundary, and the opposite), && and ||, conditions (negated),
// true and false, arithmetic, and statements, which are left out. Logging stays: what is said to people is
// not checked word by word.
//
// The tree is never touched: the compiler reads the changed file from elsewhere (-overlay). Most
// changes are built into one program, where the environment switches one on: building the tests
// takes longer than running them. Each test is run by itself first, to see what it runs and how long
// that takes; then a change is tried with the tests that run its place, the fastest first, with
// -short, until one fails. What no test runs is not tried, and survives.
//
// It prints each change that survived, as a diff, and exits with 1 if fewer than -threshold percent
// were noticed, with 2 if it could not work. A change that is no change at all, because the result
// is the same, is written down in equivalent.txt with the reason, and does not count. With -again only
// what survived an earlier run is tried, which takes less time when tests were added:
//
//	make mutants PKG=./discovery FILES='guard*.go' MUTANTS='-again /tmp/report.txt'
package main
