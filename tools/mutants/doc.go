// Mutants changes a package's code, one place at a time, and runs the package's tests each time. A
// change that no test notices is in code that no test checks, or in code that has no effect.
//
//	make mutants PKG=./internal/lastknown
//	make mutants PKG=./internal/cli FILES='reload*.go' MUTANTS='-run Reload -every 2'
//
// It changes comparisons (their boundary, and the opposite), && and ||, conditions (negated), true
// and false, arithmetic, and it removes statements. Logging is not changed, since log texts are not
// checked word by word.
//
// The working tree is never touched: the compiler reads the changed file from elsewhere (-overlay).
// Most changes are built into one program, in which an environment variable switches one of them
// on, since building the tests takes longer than running them. First each test is run by itself to
// learn what it covers and how long it takes. Then a change is tried with the tests that cover it,
// the fastest first, with -short, until one fails. A change that no test covers is not tried, and
// survives.
//
// Each surviving change is printed as a diff, and at the end the score of each file. The exit code
// is 1 if fewer than -threshold percent were noticed, and 2 after an error. A change without an
// effect can be listed in equivalent.txt with the reason, and does not count. With -again only the
// survivors of an earlier run are tried, which saves time after tests were added:
//
//	make mutants PKG=./internal/cli FILES='reload*.go' MUTANTS='-again /tmp/report.txt'
package main
